using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
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

    /// <summary>All turns of a variant, or of those that run together: a result each.</summary>
    internal List<JobResult> Measure(Variant run)
    {
        Series[][] all = [.. run.Parts.Select(part => (Series[])[.. runtimes.Select(runtime =>
            new Series { Runtime = runtime.Name, LeftOut = part.WhyAbsent(runtime.Name) })])];
        Histogram[][] latencies = [.. run.Parts.Select(_ => (Histogram[])[.. runtimes.Select(_ => new Histogram())])];
        string missing = string.Join(", ", run.Job.Needs.Where(file => !Path.Exists(layout.Root + file)));
        for (int turn = -plan.WarmUps; turn < plan.Runs; turn++)
        {
            for (int i = 0; i < runtimes.Count; i++)
            {
                int at = (i + turn + plan.WarmUps) % runtimes.Count;
                if (missing.Length > 0)
                {
                    Fail(all, at, $"the root file system lacks {missing}");
                }
                else if (all.Any(series => series[at].LeftOut == null && series[at].Failures.Count < MostFailures))
                {
                    RunOnce(run, at, turn, all, latencies);
                }
            }
        }

        return [.. run.Parts.Select((variant, part) => Result(variant, all[part], latencies[part]))];
    }

    private JobResult Result(Variant variant, Series[] all, Histogram[] latencies)
    {
        for (int i = 0; i < all.Length; i++)
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
            Definition = Definition.Of(layout, variant),
            Goals = [.. variant.Goals().Select(goal => new GoalRecord(goal.Than, goal.Value, goal.Where))],
            Series = [.. all],
        };
    }

    private static void Fail(Series[][] all, int at, string reason)
    {
        foreach (Series[] series in all)
        {
            if (series[at].LeftOut == null && !series[at].Failures.Contains(reason))
            {
                series[at].Failures.Add(reason);
            }
        }
    }

    private void RunOnce(Variant run, int at, int turn, Series[][] all, Histogram[][] latencies)
    {
        string when = turn < 0 ? "warm-up: " : $"run {turn + 1}: ";
        ProcessorTime start = ProcessorTime.Now();
        using Execution execution = new(layout, runtimes[at], run, plan.Cpus);
        long begin = Stopwatch.GetTimestamp();
        Func<Variant, (Parsers.Reading? Reading, string Reason)>? read = run.Job.Measure == Suites.Measure.Memory
            ? MemoryProbe.Sample(execution, out string reason)
            : Output(execution, out reason);
        if (read == null)
        {
            Fail(all, at, when + reason);
            return;
        }

        double seconds = Math.Round(Stopwatch.GetElapsedTime(begin).TotalSeconds, 3);
        double steal = Math.Round(ProcessorTime.StolenSince(start), 4);
        foreach (int part in Enumerable.Range(0, run.Parts.Count).Where(part => all[part][at].LeftOut == null))
        {
            (Parsers.Reading? reading, string why) = read(run.Parts[part]);
            if (reading is not Parsers.Reading found)
            {
                all[part][at].Failures.Add(when + why);
            }
            else if (turn >= 0)
            {
                all[part][at].Samples.Add(new() { Round = turn, Value = found.Value, Seconds = seconds, Steal =
                    steal });
                if (found.Latency != null)
                {
                    latencies[part][at].Add(found.Latency);
                }
            }
        }
    }

    /// <summary>Runs a tool to its end: what reads its figures.</summary>
    private static Func<Variant, (Parsers.Reading?, string)>? Output(Execution execution, out string reason)
    {
        string? output = execution.Run(out reason);
        return output == null ? null : variant => (Execution.Read(variant, output, out string why), why);
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
            series.Percentiles = Histogram.Told.Where(latency.Tells).ToDictionary(
                percent => percent.ToString(System.Globalization.CultureInfo.InvariantCulture), latency.Percentile);
        }
    }
}
