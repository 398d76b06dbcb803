using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;time.h&gt;</c> and <c>&lt;sys/timerfd.h&gt;</c>. Times are nanoseconds.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostTime
{
    public const int ClockRealtime = 0;
    public const int ClockMonotonic = 1;
    public const int ClockProcessCpu = 2;
    public const int ClockThreadCpu = 3;
    public const int ClockMonotonicRaw = 4;
    public const int ClockRealtimeCoarse = 5;
    public const int ClockMonotonicCoarse = 6;
    public const int ClockBoottime = 7;

    private const long NsPerSecond = 1_000_000_000;

    /// <summary>
    /// clock_gettime(2), through the vDSO where it can. The clock must be one the host knows: an unknown one is a bug
    /// and reads 0.
    /// </summary>
    public static long Now(int clock)
    {
        // SAFETY: a local of 16 bytes.
        long* timespec = stackalloc long[2];
        timespec[0] = timespec[1] = 0;
        _ = LibC.ClockGetTime(clock, timespec);
        return (timespec[0] * NsPerSecond) + timespec[1];
    }

    /// <summary>clock_nanosleep(2) to an absolute time.</summary>
    public static Errno SleepUntil(int clock, long deadlineNs)
    {
        const int TimerAbsTime = 1;
        // SAFETY: a local of 16 bytes.
        long* timespec = stackalloc long[2] { deadlineNs / NsPerSecond, deadlineNs % NsPerSecond };
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.clock_nanosleep, clock, TimerAbsTime, (nint)timespec));
    }

    /// <summary>timerfd_create(2).</summary>
    public static Errno TimerFdCreate(int clock, int flags, out int fd) =>
        HostSyscall.Split(HostSyscall.Invoke(N.timerfd_create, clock, flags), out fd);
}
