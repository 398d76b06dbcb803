using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Perf.Runtimes;
using Perf.Stats;
using Perf.Suites;

namespace Perf.Results;

/// <summary>How often and where a session runs each variant.</summary>
internal sealed record Plan(int Runs, int WarmUps, string Cpus);

/// <summary>
/// Runs variants in all runtimes in turn, A B A B, each turn beginning with another runtime, so that what drifts on the
/// machine drifts for all of them. A runtime that fails twice in a variant is not tried again there; the rest goes on.
/// </summary>
internal sealed class Session(Layout layout, IReadOnlyList<RuntimeSpec> runtimes, Plan plan)
{
    private const int MostFailures = 2;
    private const int SettleMs = 3_000;
    private const double KibPerMib = 1024;

    private static readonly double[] Percentiles = [50, 90, 99, 99.9, 99.99];

    /// <summary>All turns of one variant.</summary>
    internal JobResult Measure(Variant variant)
    {
        List<Series> all = [.. runtimes.Select(runtime => new Series { Runtime = runtime.Name })];
        Histogram[] latencies = [.. runtimes.Select(_ => new Histogram())];
        string missing = string.Join(", ", variant.Job.Needs.Where(file => !Path.Exists(layout.Root + file)));
        for (int turn = -plan.WarmUps; turn < plan.Runs; turn++)
        {
            for (int i = 0; i < runtimes.Count; i++)
            {
                int at = (i + turn + plan.WarmUps) % runtimes.Count;
                if (missing.Length > 0)
                {
                    Fail(all[at], $"the root file system lacks {missing}");
                }
                else if (all[at].Failures.Count < MostFailures)
                {
                    RunOnce(variant, runtimes[at], turn, all[at], latencies[at]);
                }
            }
        }

        for (int i = 0; i < all.Count; i++)
        {
            Finish(all[i], latencies[i]);
        }

        return new()
        {
            Name = variant.FullName,
            Suite = variant.Job.Suite,
            Summary = variant.Job.Summary,
            Unit = variant.Job.Unit,
            Better = variant.Job.Better,
            Goals = [.. variant.Goals().Select(goal => new GoalRecord(goal.Than, goal.Value))],
            Series = all,
        };
    }

    private static void Fail(Series series, string reason)
    {
        if (!series.Failures.Contains(reason))
        {
            series.Failures.Add(reason);
        }
    }

    private void RunOnce(Variant variant, RuntimeSpec runtime, int turn, Series series, Histogram latency)
    {
        ProcessorTime start = ProcessorTime.Now();
        using Execution execution = new(layout, runtime, variant, plan.Cpus);
        long begin = Stopwatch.GetTimestamp();
        Parsers.Reading? reading = variant.Job.Measure == Suites.Measure.Memory
            ? Memory(execution, variant.Metric, out string reason)
            : execution.Run(out reason, out _);
        if (reading is not Parsers.Reading read)
        {
            series.Failures.Add(turn < 0 ? $"warm-up: {reason}" : $"run {turn + 1}: {reason}");
            return;
        }

        if (turn < 0)
        {
            return;
        }

        series.Samples.Add(new()
        {
            Round = turn,
            Value = read.Value,
            Seconds = Math.Round(Stopwatch.GetElapsedTime(begin).TotalSeconds, 3),
            Steal = Math.Round(ProcessorTime.StolenSince(start), 4),
        });
        if (read.Latency != null)
        {
            latency.Add(read.Latency);
        }
    }

    /// <summary>Memory of all processes of the runtime, in MiB, when it has come to rest.</summary>
    private static Parsers.Reading? Memory(Execution execution, string metric, out string reason)
    {
        using Process? process = execution.Start(out reason);
        if (process == null)
        {
            return null;
        }

        try
        {
            Thread.Sleep(SettleMs);
            int pid = Execution.RuntimeProcess(process.Id);
            if (pid == 0 || process.HasExited)
            {
                reason = "it ended while it was to sleep: " + process.StandardError.ReadToEnd().Trim();
                return null;
            }

            string[] fields = metric switch
            {
                "resident" => ["Rss:"],
                "proportional" => ["Pss:"],
                "unique" => ["Private_Clean:", "Private_Dirty:"],
                _ => throw new UserException($"memory has no metric '{metric}'"),
            };
            return new(new ProcessTree(pid).Pids.Sum(each => ProcessTree.MemoryKib(each, fields)) / KibPerMib);
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

    private static void Finish(Series series, Histogram latency)
    {
        bool[] marks = Outliers.Mark(series.Values);
        for (int i = 0; i < marks.Length; i++)
        {
            series.Samples[i].Outlier = marks[i];
        }

        if (latency.Count > 0)
        {
            series.Latency = HistogramLog.Encode(latency);
            series.Percentiles = Percentiles.ToDictionary(
                percent => percent.ToString(System.Globalization.CultureInfo.InvariantCulture), latency.Percentile);
        }
    }
}
