using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Time;

/// <summary>A clock of clock_gettime(2) as its id names it.</summary>
public enum ClockKind
{
    Realtime,
    Monotonic,
    MonotonicRaw,
    RealtimeCoarse,
    MonotonicCoarse,
    Boottime,

    /// <summary>CLOCK_REALTIME_ALARM: wakes a suspended machine through its real-time clock chip, which the sandbox
    /// does not have.</summary>
    RealtimeAlarm,

    /// <summary>CLOCK_BOOTTIME_ALARM.</summary>
    BoottimeAlarm,
    Tai,

    /// <summary>CPU time of a process or thread.</summary>
    Cpu,
}

/// <summary>What a CPU clock is wanted for: the rules differ (kernel/time/posix-cpu-timers.c, pid_for_clock).</summary>
public enum CpuClockUse
{
    /// <summary>Reading: a process may be named by the id of the calling thread.</summary>
    Read,

    /// <summary>Anything else: a process is named by the id of its leader.</summary>
    Wait,
}

/// <summary>A clock id decoded for one task.</summary>
public readonly struct GuestClock
{
    private const int PerThreadBit = 4;
    private const int MeasureMask = 3;
    private const int DescriptorClock = 3;

    private GuestClock(ClockKind kind, CpuTimeSource cpu = default)
    {
        Kind = kind;
        Cpu = cpu;
    }

    /// <summary>Which clock.</summary>
    public ClockKind Kind { get; }

    /// <summary>What a <see cref="ClockKind.Cpu"/> clock counts.</summary>
    public CpuTimeSource Cpu { get; }

    /// <summary>True for the clocks that only a real-time clock chip can wake: there is none.</summary>
    public bool IsAlarm => Kind is ClockKind.RealtimeAlarm or ClockKind.BoottimeAlarm;

    /// <summary>The clockid_t of a clock that is not a CPU clock.</summary>
    public int Id => Kind switch
    {
        ClockKind.Realtime => Clocks.CLOCK_REALTIME,
        ClockKind.MonotonicRaw => Clocks.CLOCK_MONOTONIC_RAW,
        ClockKind.RealtimeCoarse => Clocks.CLOCK_REALTIME_COARSE,
        ClockKind.MonotonicCoarse => Clocks.CLOCK_MONOTONIC_COARSE,
        ClockKind.Boottime => Clocks.CLOCK_BOOTTIME,
        ClockKind.RealtimeAlarm => Clocks.CLOCK_REALTIME_ALARM,
        ClockKind.BoottimeAlarm => Clocks.CLOCK_BOOTTIME_ALARM,
        ClockKind.Tai => Clocks.CLOCK_TAI,
        _ => Clocks.CLOCK_MONOTONIC,
    };

    /// <summary>True when timers and sleeps exist for it.</summary>
    public bool HasTimers =>
        Kind is ClockKind.Realtime or ClockKind.Monotonic or ClockKind.Boottime or ClockKind.Tai or ClockKind.Cpu;

    /// <summary>True when setting CLOCK_REALTIME moves it.</summary>
    public bool FollowsRealtime => Kind is ClockKind.Realtime or ClockKind.RealtimeAlarm or ClockKind.Tai;

    /// <summary>CLOCK_MONOTONIC.</summary>
    public static GuestClock Monotonic => new(ClockKind.Monotonic);

    /// <summary>Decodes a clockid_t; EINVAL for a clock that does not exist.</summary>
    public static Errno Decode(Task task, int id, CpuClockUse use, out GuestClock clock)
    {
        if (id < 0)
        {
            return DecodeCpu(task, id, use, out clock);
        }

        clock = id switch
        {
            Clocks.CLOCK_REALTIME => new(ClockKind.Realtime),
            Clocks.CLOCK_MONOTONIC => new(ClockKind.Monotonic),
            Clocks.CLOCK_MONOTONIC_RAW => new(ClockKind.MonotonicRaw),
            Clocks.CLOCK_REALTIME_COARSE => new(ClockKind.RealtimeCoarse),
            Clocks.CLOCK_MONOTONIC_COARSE => new(ClockKind.MonotonicCoarse),
            Clocks.CLOCK_BOOTTIME => new(ClockKind.Boottime),
            Clocks.CLOCK_REALTIME_ALARM => new(ClockKind.RealtimeAlarm),
            Clocks.CLOCK_BOOTTIME_ALARM => new(ClockKind.BoottimeAlarm),
            Clocks.CLOCK_TAI => new(ClockKind.Tai),
            Clocks.CLOCK_PROCESS_CPUTIME_ID =>
                new(ClockKind.Cpu, new CpuTimeSource(task.ThreadGroup, null, CpuMeasure.Scheduled)),
            Clocks.CLOCK_THREAD_CPUTIME_ID =>
                new(ClockKind.Cpu, new CpuTimeSource(task.ThreadGroup, task, CpuMeasure.Scheduled)),
            _ => default,
        };
        bool isKnown = id is >= 0 and <= Clocks.CLOCK_BOOTTIME_ALARM or Clocks.CLOCK_TAI;
        return isKnown ? Errno.None : Errno.EINVAL;
    }

    /// <summary>What it shows now, in ns.</summary>
    public long Read(KernelClock clock) => Kind switch
    {
        ClockKind.Realtime or ClockKind.RealtimeCoarse or ClockKind.RealtimeAlarm => clock.RealtimeNs,
        ClockKind.Boottime or ClockKind.BoottimeAlarm => clock.BootNs,
        ClockKind.Tai => clock.RealtimeNs + clock.TaiOffsetNs,
        ClockKind.Cpu => Cpu.ReadNs(),
        _ => clock.MonotonicNs,
    };

    /// <summary>When a clock that is not a CPU clock will show <paramref name="time"/>, in monotonic ns;
    /// long.MaxValue for never.</summary>
    public long ToMonotonic(KernelClock clock, long time) => Kind switch
    {
        ClockKind.Realtime or ClockKind.RealtimeAlarm => clock.RealtimeToMonotonic(time),
        ClockKind.Boottime or ClockKind.BoottimeAlarm => clock.BootToMonotonic(time),
        ClockKind.Tai => clock.RealtimeToMonotonic(time == long.MaxValue ? time : time - clock.TaiOffsetNs),
        _ => time,
    };

    /// <summary>The id's upper bits are the complement of a process or thread id; 0 means the caller.</summary>
    private static Errno DecodeCpu(Task task, int id, CpuClockUse use, out GuestClock clock)
    {
        clock = default;
        if ((id & MeasureMask) == DescriptorClock)
        {
            return Errno.EINVAL;
        }

        int pid = ~(id >> 3);
        CpuMeasure measure = (CpuMeasure)(id & MeasureMask);
        if ((id & PerThreadBit) != 0)
        {
            Task? thread = pid == 0 ? task : task.ThreadGroup.FindTask(pid, task.PidNamespace);
            clock = new(ClockKind.Cpu, new CpuTimeSource(task.ThreadGroup, thread, measure));
            return thread is null ? Errno.EINVAL : Errno.None;
        }

        bool isOwn = pid == 0 || (use == CpuClockUse.Read && pid == task.Tid);
        ThreadGroup? group = isOwn ? task.ThreadGroup : task.PidNamespace.FindThreadGroup(pid);
        if (group is null)
        {
            return Errno.EINVAL;
        }

        clock = new(ClockKind.Cpu, new CpuTimeSource(group, null, measure));
        return Errno.None;
    }
}
