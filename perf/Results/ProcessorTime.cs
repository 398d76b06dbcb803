using System;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Perf.Results;

/// <summary>Processor time of the whole machine since its start (proc(5), /proc/stat), in ticks.</summary>
internal readonly record struct ProcessorTime(long Total, long Idle, long Stolen)
{
    private const int IdleField = 3;
    private const int WaitField = 4;
    private const int StealField = 7;

    internal static ProcessorTime Now()
    {
        string[] words = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        // Guest time, the fields after steal, is part of user time already.
        long[] ticks = [.. words.Skip(1).Take(StealField + 1).Select(word => long.Parse(word,
            CultureInfo.InvariantCulture))];
        return new(ticks.Sum(), ticks[IdleField] + ticks[WaitField], ticks[StealField]);
    }

    /// <summary>Part of the time since then that the hypervisor gave to others.</summary>
    internal static double StolenSince(ProcessorTime start)
    {
        ProcessorTime now = Now();
        return now.Total == start.Total ? 0 : (double)(now.Stolen - start.Stolen) / (now.Total - start.Total);
    }

    /// <summary>Part of the time since then in which processors were at work.</summary>
    internal static double BusySince(ProcessorTime start)
    {
        ProcessorTime now = Now();
        return now.Total == start.Total ? 0 : 1 - (double)(now.Idle - start.Idle) / (now.Total - start.Total);
    }
}
