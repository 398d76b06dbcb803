using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Time;

namespace Sentry.Syscalls;

/// <summary>nanosleep(2), clock_nanosleep(2).</summary>
public static class SleepSyscalls
{
    /// <summary>nanosleep(const struct timespec *req, struct timespec *rem): on CLOCK_MONOTONIC.</summary>
    public static SyscallResult NanoSleep(Task task, in SyscallArguments args)
    {
        Errno errno = TimeValues.Read(task, args.Address(0), out long ns);
        return errno != Errno.None ? errno : SleepUntil(task, DeadlineAfter(task, ns), args.Address(1));
    }

    /// <summary>clock_nanosleep(clockid_t clockid, int flags, const struct timespec *request, struct timespec
    /// *remain).</summary>
    public static SyscallResult ClockNanoSleep(Task task, in SyscallArguments args)
    {
        int id = args.Int(0);
        Errno errno = GuestClock.Decode(task, id, CpuClockUse.Wait, out GuestClock clock);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!clock.HasTimers || id == Clocks.CLOCK_THREAD_CPUTIME_ID)
        {
            return Errno.EOPNOTSUPP;
        }

        errno = TimeValues.Read(task, args.Address(2), out long ns);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isAbsolute = (args.Int(1) & Clocks.TIMER_ABSTIME) != 0;
        if (clock.Kind == ClockKind.Cpu)
        {
            return StartCpuSleep(task, id, clock.Cpu, ns, isAbsolute ? TimerBase.Absolute : TimerBase.Relative,
                args.Address(3));
        }

        return isAbsolute
            ? SleepUntilClockShows(task, clock, ns)
            : SleepUntil(task, DeadlineAfter(task, ns), args.Address(3));
    }

    /// <summary>Goes on with an interrupted relative sleep (restart_syscall(2)).</summary>
    internal static SyscallResult ContinueSleep(Task task, ref RestartBlock block) =>
        SleepUntil(task, block.DeadlineNs, new GuestAddress(block.Argument0));

    /// <summary>Goes on with an interrupted relative sleep on a CPU clock.</summary>
    internal static SyscallResult ContinueCpuSleep(Task task, ref RestartBlock block)
    {
        int id = (int)block.Argument1;
        Errno errno = GuestClock.Decode(task, id, CpuClockUse.Wait, out GuestClock clock);
        return errno != Errno.None
            ? errno
            : SleepUntilCpuTime(task, id, clock.Cpu, block.DeadlineNs, TimerBase.Relative,
                new GuestAddress(block.Argument0));
    }

    private static long DeadlineAfter(Task task, long ns)
    {
        long now = task.Kernel.Clock.MonotonicNs;
        return ns > long.MaxValue - now ? long.MaxValue : now + ns;
    }

    private static Errno BlockUntil(Task task, long deadlineNs)
    {
        Errno errno;
        do
        {
            errno = task.Block(deadlineNs);
        }
        while (errno == Errno.None);
        return errno;
    }

    private static SyscallResult SleepUntil(Task task, long deadlineNs, GuestAddress remaining)
    {
        if (BlockUntil(task, deadlineNs) == Errno.ETIMEDOUT)
        {
            return SyscallResult.Ok;
        }

        long leftNs = deadlineNs - task.Kernel.Clock.MonotonicNs;
        if (leftNs <= 0)
        {
            return SyscallResult.Ok;
        }

        if (!remaining.IsNull && TimeValues.Write(task, remaining, leftNs) != Errno.None)
        {
            return Errno.EFAULT;
        }

        Restarts.Sleep(task, deadlineNs, remaining);
        return Errno.ERESTART_RESTARTBLOCK;
    }

    /// <summary>An absolute sleep: setting the clock meanwhile counts when the deadline computed first has
    /// come.</summary>
    private static SyscallResult SleepUntilClockShows(Task task, in GuestClock clock, long time)
    {
        KernelClock clocks = task.Kernel.Clock;
        while (clock.Read(clocks) < time)
        {
            if (BlockUntil(task, clock.ToMonotonic(clocks, time)) != Errno.ETIMEDOUT)
            {
                return Errno.ERESTARTNOHAND;
            }
        }

        return SyscallResult.Ok;
    }

    private static SyscallResult StartCpuSleep(
        Task task, int id, in CpuTimeSource source, long ns, TimerBase timeBase, GuestAddress remaining)
    {
        if (source.Task == task)
        {
            // Waiting for CPU time that only the waiter itself could use.
            return Errno.EINVAL;
        }

        long now = timeBase == TimerBase.Absolute ? 0 : source.ReadNs();
        long expiryNs = ns > long.MaxValue - now ? long.MaxValue : now + ns;
        return SleepUntilCpuTime(task, id, source, expiryNs, timeBase, remaining);
    }

    private static SyscallResult SleepUntilCpuTime(
        Task task, int id, in CpuTimeSource source, long expiryNs, TimerBase timeBase, GuestAddress remaining)
    {
        CpuSleep sleep = new(task, source);
        CpuTimerSet timers = source.Group.EnsureTimers().Cpu;
        Errno errno = Errno.None;
        long now = source.ReadNs();
        while (now < expiryNs && errno == Errno.None)
        {
            timers.Set(sleep, expiryNs, now);
            errno = task.Block();
            now = source.ReadNs();
        }

        timers.Remove(sleep);
        if (now >= expiryNs)
        {
            return SyscallResult.Ok;
        }

        if (timeBase == TimerBase.Absolute)
        {
            return Errno.ERESTARTNOHAND;
        }

        if (!remaining.IsNull && TimeValues.Write(task, remaining, expiryNs - now) != Errno.None)
        {
            return Errno.EFAULT;
        }

        Restarts.CpuSleep(task, expiryNs, id, remaining);
        return Errno.ERESTART_RESTARTBLOCK;
    }

    /// <summary>Wakes a task when a CPU clock reaches a value.</summary>
    private sealed class CpuSleep(Task task, CpuTimeSource source) : CpuTimer(source)
    {
        internal override void OnExpired() => task.Wake();
    }
}
