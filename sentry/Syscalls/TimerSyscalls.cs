using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Time;

namespace Sentry.Syscalls;

/// <summary>Interval timers and POSIX timers: setitimer(2), alarm(2), timer_create(2).</summary>
public static class TimerSyscalls
{
    private const long HalfSecondNs = TimeValues.NsPerSecond / 2;

    /// <summary>getitimer(int which, struct itimerval *curr_value).</summary>
    public static SyscallResult GetITimer(Task task, in SyscallArguments args)
    {
        int which = args.Int(0);
        if (which is < Clocks.ITIMER_REAL or > Clocks.ITIMER_PROF)
        {
            return Errno.EINVAL;
        }

        TimerSetting setting = task.ThreadGroup.Timers?.GetInterval(which) ?? default;
        return TimeValues.WriteInterval(task, args.Address(1), setting);
    }

    /// <summary>setitimer(int which, const struct itimerval *new_value, struct itimerval *old_value): a null new
    /// value disarms.</summary>
    public static SyscallResult SetITimer(Task task, in SyscallArguments args)
    {
        TimerSetting setting = default;
        Errno errno = args.Address(1).IsNull ? Errno.None : TimeValues.ReadInterval(task, args.Address(1), out setting);
        int which = args.Int(0);
        if (errno != Errno.None || which is < Clocks.ITIMER_REAL or > Clocks.ITIMER_PROF)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        TimerSetting old = task.ThreadGroup.EnsureTimers().SetInterval(which, setting);
        return args.Address(2).IsNull ? SyscallResult.Ok : TimeValues.WriteInterval(task, args.Address(2), old);
    }

    /// <summary>alarm(unsigned int seconds): the seconds left of the old alarm, rounded, but not to 0.</summary>
    public static SyscallResult Alarm(Task task, in SyscallArguments args)
    {
        TimerSetting setting = new(args.UInt(0) * TimeValues.NsPerSecond, 0);
        TimerSetting old = task.ThreadGroup.EnsureTimers().SetInterval(Clocks.ITIMER_REAL, setting);
        long seconds = old.ValueNs / TimeValues.NsPerSecond;
        long rest = old.ValueNs % TimeValues.NsPerSecond;
        bool roundsUp = rest >= HalfSecondNs || (seconds == 0 && rest != 0);
        return roundsUp ? seconds + 1 : seconds;
    }

    /// <summary>timer_create(clockid_t clockid, struct sigevent *sevp, timer_t *timerid): without sevp SIGALRM with
    /// the timer's id.</summary>
    public static SyscallResult TimerCreate(Task task, in SyscallArguments args)
    {
        TimerNotification notification = new(Signals.SIGALRM, null, null);
        SigEvent wanted = default;
        bool hasEvent = !args.Address(1).IsNull;
        if (hasEvent && task.Mm.Read(args.Address(1), out wanted) != Errno.None)
        {
            return Errno.EFAULT;
        }

        Errno errno = GuestClock.Decode(task, args.Int(0), CpuClockUse.Wait, out GuestClock clock);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!clock.HasTimers)
        {
            return Errno.EOPNOTSUPP;
        }

        if ((clock.Kind == ClockKind.Cpu && clock.Cpu.Group != task.ThreadGroup)
            || (hasEvent && !TryReadEvent(task, wanted, out notification)))
        {
            return Errno.EINVAL;
        }

        ProcessTimers timers = task.ThreadGroup.EnsureTimers();
        errno = timers.Create(task, clock, notification, out PosixTimer? timer);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Mm.Write(args.Address(2), timer!.Id);
        if (errno != Errno.None)
        {
            timers.Delete(timer.Id);
        }

        return errno;
    }

    /// <summary>timer_settime(timer_t timerid, int flags, const struct itimerspec *new_value, struct itimerspec
    /// *old_value).</summary>
    public static SyscallResult TimerSetTime(Task task, in SyscallArguments args)
    {
        if (args.Address(2).IsNull)
        {
            return Errno.EINVAL;
        }

        Errno errno = TimeValues.Read(task, args.Address(2), out TimerSetting setting);
        if (errno != Errno.None)
        {
            return errno;
        }

        TimerBase timeBase = (args.Int(1) & Clocks.TIMER_ABSTIME) != 0 ? TimerBase.Absolute : TimerBase.Relative;
        TimerSetting old = default;
        errno = task.ThreadGroup.Timers?.Set(args.Int(0), setting, timeBase, out old) ?? Errno.EINVAL;
        return errno != Errno.None || args.Address(3).IsNull ? errno : TimeValues.Write(task, args.Address(3), old);
    }

    /// <summary>timer_gettime(timer_t timerid, struct itimerspec *curr_value).</summary>
    public static SyscallResult TimerGetTime(Task task, in SyscallArguments args)
    {
        TimerSetting setting = default;
        Errno errno = task.ThreadGroup.Timers?.Get(args.Int(0), out setting) ?? Errno.EINVAL;
        return errno != Errno.None ? errno : TimeValues.Write(task, args.Address(1), setting);
    }

    /// <summary>timer_getoverrun(timer_t timerid).</summary>
    public static SyscallResult TimerGetOverrun(Task task, in SyscallArguments args)
    {
        int overrun = 0;
        Errno errno = task.ThreadGroup.Timers?.GetOverrun(args.Int(0), out overrun) ?? Errno.EINVAL;
        return SyscallResult.From(errno, overrun);
    }

    /// <summary>timer_delete(timer_t timerid).</summary>
    public static SyscallResult TimerDelete(Task task, in SyscallArguments args) =>
        task.ThreadGroup.Timers?.Delete(args.Int(0)) ?? Errno.EINVAL;

    /// <summary>sigevent(7); false for what Linux refuses (kernel/time/posix-timers.c, good_sigevent).</summary>
    private static bool TryReadEvent(Task task, in SigEvent wanted, out TimerNotification notification)
    {
        notification = new TimerNotification(wanted.sigev_signo, wanted.sigev_value, null);
        switch (wanted.sigev_notify)
        {
            case SigCode.SIGEV_NONE:
                notification = new TimerNotification(0, wanted.sigev_value, null);
                return true;
            case SigCode.SIGEV_SIGNAL:
            case SigCode.SIGEV_THREAD:
                return SignalSets.IsValid(wanted.sigev_signo);
            case SigCode.SIGEV_THREAD_ID:
                Task? target = task.ThreadGroup.FindTask(wanted.sigev_notify_thread_id, task.PidNamespace);
                notification = notification with { Target = target };
                return target is not null && SignalSets.IsValid(wanted.sigev_signo);
            default:
                return false;
        }
    }
}
