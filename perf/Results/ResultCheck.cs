using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Perf.Stats;

namespace Perf.Results;

/// <summary>Whether a file that has a result's form holds what the commands rely on.</summary>
internal static class ResultCheck
{
    /// <summary>A <see cref="FormatException"/> names the first thing that is wrong.</summary>
    internal static void Whole(ResultFile result)
    {
        CheckNoNull(result.Jobs, "jobs");
        CheckNoNull(result.Runtimes, "runtimes");
        CheckNoNull(result.Counts, "counts");
        CheckNoNull(result.Capacity, "capacity");
        CheckNoNull(result.Knobs.Values, "knobs");
        CheckOnce(result.Jobs.Select(job => job.Name), "jobs");
        foreach (JobResult job in result.Jobs)
        {
            Check(Enum.IsDefined(job.Better), $"{job.Name}: no such direction");
            CheckNoNull(job.Goals, job.Name);
            CheckNoNull(job.Series, job.Name);
            CheckOnce(job.Series.Select(series => series.Runtime), job.Name);
            foreach (Series series in job.Series)
            {
                CheckSeries(series, $"{job.Name} in {series.Runtime}");
            }
        }

        foreach (CapacityRecord capacity in result.Capacity)
        {
            string where = $"capacity of {capacity.Runtime}";
            Check(capacity.Steps.Count > 0, where + ": no steps");
            CheckNoNull(capacity.Steps, where);
            CheckNoNull(capacity.Limits, where);
            Check(capacity.Steps.All(step => step.Sandboxes > 0), where + ": a step without sandboxes");
        }
    }

    private static void CheckSeries(Series series, string where)
    {
        CheckNoNull(series.Samples, where);
        CheckNoNull(series.Failures, where);
        Check(series.Samples.All(sample => double.IsFinite(sample.Value)), where + ": a value that is no number");
        CheckOnce(series.Samples.Select(sample => sample.Round), where);
        if (series.Latency == null)
        {
            return;
        }

        try
        {
            HistogramLog.Decode(series.Latency);
        }
        catch (Exception failure) when (failure is FormatException or InvalidDataException or ArgumentException
            or OverflowException)
        {
            throw new FormatException($"{where}: latencies: {failure.Message}", failure);
        }
    }

    private static void CheckNoNull<T>(IEnumerable<T> items, string where) =>
        Check(items.All(item => item is not null), where + ": a null");

    private static void CheckOnce<T>(IEnumerable<T> items, string where)
    {
        HashSet<T> seen = [];
        foreach (T item in items)
        {
            Check(seen.Add(item), $"{where}: {item} is there twice");
        }
    }

    private static void Check(bool holds, string message)
    {
        if (!holds)
        {
            throw new FormatException(message);
        }
    }
}
