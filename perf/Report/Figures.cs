using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Perf.Results;
using Perf.Stats;

namespace Perf.Report;

/// <summary>What tables say of series.</summary>
internal static class Figures
{
    /// <summary>Steal above which a run is marked.</summary>
    internal const double MuchSteal = 0.02;

    /// <summary>Three significant digits, with separators of thousands.</summary>
    internal static string Of(double value)
    {
        double size = Math.Abs(value);
        string format = size >= 100 || size == 0 ? "#,0" : size >= 10 ? "0.0" : size >= 1 ? "0.00" : "0.000";
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    internal static string Percent(double part) => (part * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    /// <summary>The median and how far its 95 % interval reaches from it at most; or that there is none.</summary>
    internal static string Median(Series? series)
    {
        if (series == null || series.Samples.Count == 0)
        {
            return series?.Failures.Count > 0 ? "failed" : "-";
        }

        double median = series.Median;
        Interval interval = Bootstrap.OfMedian(series.Values);
        double reach = Math.Max(interval.High - median, median - interval.Low);
        string spread = series.Samples.Count > 1 && median != 0 ? $" ±{reach / Math.Abs(median) * 100:0} %" : "";
        return Of(median) + spread + Marks(series);
    }

    /// <summary>Performance as a part of a reference's: above 1 is better.</summary>
    internal static string Ratio(JobResult job, string runtime, string reference) =>
        job.Of(runtime) is Series mine && job.Of(reference) is Series other && mine != other
            ? job.Performance(mine.Median, other.Median).ToString("0.00", CultureInfo.InvariantCulture)
            : "-";

    /// <summary>The runtimes of a result in its order.</summary>
    internal static List<string> Runtimes(ResultFile result) => [.. result.Runtimes.Select(runtime => runtime.Name)];

    /// <summary>For each goal of a job and each runtime that it is about: the goal in words, and whether it is
    /// reached.</summary>
    internal static IEnumerable<(string Runtime, string Text, bool Reached)> Goals(JobResult job)
    {
        foreach (GoalRecord goal in job.Goals)
        {
            foreach (Series series in job.Series.Where(series => series.Samples.Count > 0 && IsOurs(series.Runtime)))
            {
                if (goal.Than == null)
                {
                    bool within = job.Better == Suites.Better.Lower ? series.Median <= goal.Value
                        : series.Median >= goal.Value;
                    string side = job.Better == Suites.Better.Lower ? "at most" : "at least";
                    yield return (series.Runtime, $"{side} {Of(goal.Value)} {job.Unit}: {Of(series.Median)}", within);
                }
                else if (job.Of(goal.Than) is Series other)
                {
                    double ratio = job.Performance(series.Median, other.Median);
                    string text = string.Create(
                        CultureInfo.InvariantCulture, $"{goal.Than} x {goal.Value:0.00}: {ratio:0.00}");
                    yield return (series.Runtime, text, ratio >= goal.Value);
                }
            }
        }
    }

    internal static bool IsOurs(string runtime) => runtime.StartsWith("runsc", StringComparison.Ordinal);

    private static string Marks(Series series) =>
        (series.Failures.Count > 0 ? "!" : "") + (series.Samples.Exists(sample => sample.Steal > MuchSteal) ? "~" : "")
        + (series.Samples.Exists(sample => sample.Outlier) ? "o" : "");
}
