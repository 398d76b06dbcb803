using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Syscalls;

/// <summary>Makes struct rusage (getrusage(2)) from accounts.</summary>
internal static class Usage
{
    private const long NsPerSecond = 1_000_000_000;
    private const long NsPerMicrosecond = 1000;

    internal static Rusage From(in CpuTimes times, in ResourceCounters counters) => new()
    {
        ru_utime = Time(times.UserNs),
        ru_stime = Time(times.SystemNs),
        ru_maxrss = counters.MaxResidentKiB,
        ru_minflt = counters.MinorFaults,
        ru_majflt = counters.MajorFaults,
        ru_inblock = counters.InputBlocks,
        ru_oublock = counters.OutputBlocks,
        ru_nvcsw = counters.VoluntarySwitches,
        ru_nivcsw = counters.InvoluntarySwitches,
    };

    private static Timeval Time(long ns) => new() { tv_sec = ns / NsPerSecond, tv_usec =
        ns % NsPerSecond / NsPerMicrosecond };
}
