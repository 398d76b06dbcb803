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

    /// <summary>The median and how far its 95 % interval reaches from it at most, where there are runs enough for
    /// one; or
    /// that there is no median.</summary>
    internal static string Median(Series? series)
    {
        if (series == null || series.Samples.Count == 0)
        {
            return series?.Failures.Count > 0 ? "failed" : "-";
        }

        double median = series.Median;
        string spread = "";
        if (Confidence.OfMedian(series.Values) is Interval interval && median != 0)
        {
            double reach = Math.Max(interval.High - median, median - interval.Low);
            spread = $" ±{reach / Math.Abs(median) * 100:0} %";
        }

        return Of(median) + spread + Marks(series);
    }

    /// <summary>Performance as a part of a reference's: above 1 is better.</summary>
    internal static string Ratio(JobResult job, string runtime, string reference) =>
        job.Of(runtime) is Series mine && job.Of(reference) is Series other && mine != other
            ? job.Performance(mine.Median, other.Median).ToString("0.00", CultureInfo.InvariantCulture)
            : "-";

    /// <summary>The runtimes of a result in its order.</summary>
    internal static List<string> Runtimes(ResultFile result) => [.. result.Runtimes.Select(runtime => runtime.Name)];

    internal static bool IsOurs(string runtime) => runtime.StartsWith("runsc", StringComparison.Ordinal);

    private static string Marks(Series series) =>
        (series.Failures.Count > 0 ? "!" : "") + (series.Samples.Exists(sample => sample.Steal > MuchSteal) ? "~" : "")
        + (series.Samples.Exists(sample => sample.Outlier) ? "o" : "");
}
