using Sentry.Kernel;

namespace Sentry.Time;

/// <summary>Which part of CPU time a clock counts (the low bits of a CPU clock id,
/// include/linux/posix-timers.h).</summary>
public enum CpuMeasure
{
    /// <summary>User and system time: CPUCLOCK_PROF.</summary>
    Total,

    /// <summary>User time: CPUCLOCK_VIRT.</summary>
    User,

    /// <summary>Time on the CPU, which is user and system time here: CPUCLOCK_SCHED.</summary>
    Scheduled,
}

/// <summary>The CPU time of a process, or of one <see cref="Task"/> of it.</summary>
public readonly record struct CpuTimeSource(ThreadGroup Group, Task? Task, CpuMeasure Measure)
{
    /// <summary>Its value in ns. Takes the signal lock of the process.</summary>
    public long ReadNs() => Pick(Task is null ? Group.GetCpuTimes() : Task.GetCpuTimes());

    /// <summary>As <see cref="ReadNs"/> under the signal lock.</summary>
    internal long ReadLocked() => Pick(Task is null ? Group.CpuTimesUnderSignalLock() : Task.GetCpuTimes());

    /// <summary>The value when the process's times are known.</summary>
    internal long ReadWith(in CpuTimes group) => Pick(Task is null ? group : Task.GetCpuTimes());

    private long Pick(in CpuTimes times) => Measure == CpuMeasure.User ? times.UserNs : times.TotalNs;
}
