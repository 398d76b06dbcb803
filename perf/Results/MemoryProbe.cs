using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Perf.Parsers;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf.Results;

/// <summary>The memory of all processes of a runtime while its container waits.</summary>
internal static class MemoryProbe
{
    /// <summary>For this long, and in its last second at most one tick of processor time was used.</summary>
    private const int SettleMs = 3_000;

    private const int RestMs = 1_000;
    private const int MostRestTries = 20;
    private const double KibPerMib = 1024;

    /// <summary>Kinds of memory, and the fields of smaps_rollup that make them (proc(5)).</summary>
    private static readonly Dictionary<string, string[]> Fields = new()
    {
        ["resident"] = ["Rss:"],
        ["proportional"] = ["Pss:"],
        ["unique"] = ["Private_Clean:", "Private_Dirty:"],
    };

    /// <summary>What reads the kinds, in MiB, once the container runs and has come to rest; null, with a reason, if it
    /// does not.</summary>
    internal static Func<Variant, (Reading?, string)>? Sample(Execution execution, out string reason)
    {
        using Process? process = execution.Start(out reason);
        if (process == null)
        {
            return null;
        }

        try
        {
            if (!execution.WaitUntilRunning(process, out reason))
            {
                return null;
            }

            int pid = Execution.RuntimeProcess(process.Id);
            Rest(pid);
            IReadOnlyList<int> pids = new ProcessTree(pid).Pids;
            Dictionary<string, double> kinds = Fields.ToDictionary(
                kind => kind.Key, kind => pids.Sum(each => ProcessTree.MemoryKib(each, kind.Value)) / KibPerMib);
            return variant => kinds.TryGetValue(variant.Metric, out double mib) && new Reading(mib).IsFigure
                ? (new Reading(mib), "")
                : (null, $"memory has no metric '{variant.Metric}', or nothing of it");
        }
        catch (IOException failure)
        {
            reason = "its processes changed while they were looked at: " + failure.Message;
            return null;
        }
        finally
        {
            process.Kill(true);
            process.WaitForExit();
        }
    }

    /// <summary>Waits until the processes below this one do nothing any more, or for as long as one may wait.</summary>
    private static void Rest(int pid)
    {
        Thread.Sleep(SettleMs);
        for (int i = 0; i < MostRestTries; i++)
        {
            long before = new ProcessTree(pid).Ticks();
            Thread.Sleep(RestMs);
            if (new ProcessTree(pid).Ticks() - before <= 1)
            {
                return;
            }
        }
    }
}
