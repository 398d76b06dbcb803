using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Time;

namespace Sentry.Syscalls;

/// <summary>Reading and setting clocks: clock_gettime(2), gettimeofday(2), time(2), adjtimex(2). Nobody sets the
/// clocks of the sandbox.</summary>
public static class ClockSyscalls
{
    private const long LowResolutionNs = 4_000_000;
    private const long MicrosecondsPerSecond = 1_000_000;
    private const int MinutesPerDayAndMore = 15 * 60;

    /// <summary>clock_gettime(clockid_t clockid, struct timespec *tp).</summary>
    public static SyscallResult ClockGetTime(Task task, in SyscallArguments args)
    {
        Errno errno = GuestClock.Decode(task, args.Int(0), CpuClockUse.Read, out GuestClock clock);
        if (errno != Errno.None || clock.IsAlarm)
        {
            return Errno.EINVAL;
        }

        return TimeValues.Write(task, args.Address(1), clock.Read(task.Kernel.Clock));
    }

    /// <summary>clock_getres(clockid_t clockid, struct timespec *res): res may be null.</summary>
    public static SyscallResult ClockGetRes(Task task, in SyscallArguments args)
    {
        Errno errno = GuestClock.Decode(task, args.Int(0), CpuClockUse.Wait, out GuestClock clock);
        if (errno != Errno.None || clock.IsAlarm)
        {
            return Errno.EINVAL;
        }

        bool isCoarse = clock.Kind switch
        {
            ClockKind.RealtimeCoarse or ClockKind.MonotonicCoarse => true,
            ClockKind.Cpu => clock.Cpu.Measure != CpuMeasure.Scheduled,
            _ => false,
        };
        GuestAddress result = args.Address(1);
        return result.IsNull ? Errno.None : TimeValues.Write(task, result, isCoarse ? LowResolutionNs : 1);
    }

    /// <summary>clock_settime(clockid_t clockid, const struct timespec *tp): EPERM for the clocks that could be
    /// set.</summary>
    public static SyscallResult ClockSetTime(Task task, in SyscallArguments args)
    {
        Errno errno = GuestClock.Decode(task, args.Int(0), CpuClockUse.Wait, out GuestClock clock);
        bool isCpu = errno == Errno.None && args.Int(0) < 0;
        if (errno != Errno.None || (clock.Kind != ClockKind.Realtime && !isCpu))
        {
            return Errno.EINVAL;
        }

        errno = TimeValues.Read(task, args.Address(1), out long _);
        return errno != Errno.None ? errno : Errno.EPERM;
    }

    /// <summary>gettimeofday(struct timeval *tv, struct timezone *tz): the time zone is always UTC.</summary>
    public static SyscallResult GetTimeOfDay(Task task, in SyscallArguments args)
    {
        GuestAddress time = args.Address(0);
        GuestAddress zone = args.Address(1);
        Errno errno = Errno.None;
        if (!time.IsNull)
        {
            errno = task.Mm.Write(time, TimeValues.ToTimeval(task.Kernel.Clock.RealtimeNs));
        }

        if (errno == Errno.None && !zone.IsNull)
        {
            errno = task.Mm.Write(zone, default(Timezone));
        }

        return errno;
    }

    /// <summary>settimeofday(const struct timeval *tv, const struct timezone *tz).</summary>
    public static SyscallResult SetTimeOfDay(Task task, in SyscallArguments args)
    {
        Timeval time = default;
        Timezone zone = default;
        Errno errno = args[0] != 0 ? task.Mm.Read(args.Address(0), out time) : Errno.None;
        if (errno == Errno.None && time.tv_usec is < 0 or > MicrosecondsPerSecond)
        {
            errno = Errno.EINVAL;
        }

        if (errno == Errno.None && args[1] != 0)
        {
            errno = task.Mm.Read(args.Address(1), out zone);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        bool isValid = time.tv_sec >= 0 && time.tv_usec < MicrosecondsPerSecond
            && zone.tz_minuteswest is >= -MinutesPerDayAndMore and <= MinutesPerDayAndMore;
        return isValid ? Errno.EPERM : Errno.EINVAL;
    }

    /// <summary>time(time_t *tloc): tloc may be null.</summary>
    public static SyscallResult Time(Task task, in SyscallArguments args)
    {
        long seconds = task.Kernel.Clock.RealtimeNs / TimeValues.NsPerSecond;
        GuestAddress result = args.Address(0);
        Errno errno = result.IsNull ? Errno.None : task.Mm.Write(result, seconds);
        return SyscallResult.From(errno, seconds);
    }

    /// <summary>adjtimex(struct timex *buf): reading works, changing is EPERM.</summary>
    public static SyscallResult AdjTimeX(Task task, in SyscallArguments args) => Adjust(task, args.Address(0));

    /// <summary>clock_adjtime(clockid_t clk_id, struct timex *buf): CLOCK_REALTIME only.</summary>
    public static SyscallResult ClockAdjTime(Task task, in SyscallArguments args)
    {
        Errno errno = GuestClock.Decode(task, args.Int(0), CpuClockUse.Wait, out GuestClock clock);
        if (errno != Errno.None)
        {
            return errno;
        }

        return clock.Kind == ClockKind.Realtime ? Adjust(task, args.Address(1)) : Errno.EOPNOTSUPP;
    }

    private static SyscallResult Adjust(Task task, GuestAddress address)
    {
        // What Linux shows when no daemon disciplines the clock: unsynchronised, nothing to correct
        // (kernel/time/ntp.c).
        const long WorstErrorMicroseconds = 16_000_000;
        const long ToleranceScaledPpm = 500L << 16;
        const long MicrosecondsPerTick = 10_000;
        const long TimeConstant = 2;
        Errno errno = task.Mm.Read(address, out Timex timex);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (timex.modes is not (0 or TimexModes.ADJ_OFFSET_SS_READ))
        {
            return Errno.EPERM;
        }

        KernelClock clock = task.Kernel.Clock;
        timex = new Timex
        {
            modes = timex.modes,
            maxerror = WorstErrorMicroseconds,
            esterror = WorstErrorMicroseconds,
            status = TimexModes.STA_UNSYNC,
            constant = TimeConstant,
            precision = 1,
            tolerance = ToleranceScaledPpm,
            time = TimeValues.ToTimeval(clock.RealtimeNs),
            tick = MicrosecondsPerTick,
            tai = (int)(clock.TaiOffsetNs / TimeValues.NsPerSecond),
        };
        errno = task.Mm.Write(address, timex);
        return SyscallResult.From(errno, TimexModes.TIME_ERROR);
    }
}
