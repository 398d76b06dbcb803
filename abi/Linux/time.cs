using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Clocks and timers: clock_gettime(2), timer_settime(2), setitimer(2).</summary>
[CHeader("linux/time.h")]
public static class Clocks
{
    // Clocks.
    public const int CLOCK_REALTIME = 0;
    public const int CLOCK_MONOTONIC = 1;
    public const int CLOCK_PROCESS_CPUTIME_ID = 2;
    public const int CLOCK_THREAD_CPUTIME_ID = 3;
    public const int CLOCK_MONOTONIC_RAW = 4;
    public const int CLOCK_REALTIME_COARSE = 5;
    public const int CLOCK_MONOTONIC_COARSE = 6;
    public const int CLOCK_BOOTTIME = 7;
    public const int CLOCK_REALTIME_ALARM = 8;
    public const int CLOCK_BOOTTIME_ALARM = 9;
    public const int CLOCK_SGI_CYCLE = 10;
    public const int CLOCK_TAI = 11;
    public const int MAX_CLOCKS = 16;
    public const int CLOCK_AUX = 16;
    public const int CLOCK_AUX_LAST = 23;

    // Timers.
    public const int ITIMER_REAL = 0;
    public const int ITIMER_VIRTUAL = 1;
    public const int ITIMER_PROF = 2;
    public const int TIMER_ABSTIME = 0x01;
}

/// <summary>Seconds and nanoseconds, time.h(0p).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct timespec", "linux/time.h")]
public struct Timespec
{
    public long tv_sec;
    public long tv_nsec;
}

/// <summary>Seconds and microseconds.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct timeval", "linux/time.h")]
public struct Timeval
{
    public long tv_sec;
    public long tv_usec;
}

/// <summary>timer_settime(2), timerfd_settime(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct itimerspec", "linux/time.h")]
public struct Itimerspec
{
    public Timespec it_interval;
    public Timespec it_value;
}

/// <summary>setitimer(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct itimerval", "linux/time.h")]
public struct Itimerval
{
    public Timeval it_interval;
    public Timeval it_value;
}

/// <summary>gettimeofday(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct timezone", "linux/time.h")]
public struct Timezone
{
    public int tz_minuteswest;
    public int tz_dsttime;
}
