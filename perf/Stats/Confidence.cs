using System;
using System.Collections.Generic;
using System.Linq;

namespace Perf.Stats;

/// <summary>
/// 95 % intervals that hold what they say at the sizes used here. The percentile bootstrap of a median is short for few
/// samples (87 % at 7, 91 % at 13, 92 % at 33), so a median has an interval of order statistics up to sixty samples
/// (David and Nagaraja, "Order Statistics", 7.1), and a ratio that of the ordered ratios of all pairs, which inverts
/// the rank test (Hollander and Wolfe, "Nonparametric Statistical Methods", 4.3), where either side has fewer than
/// twenty. Beyond those it is the bootstrap. Where no order statistics reach 95 %, as for a median of fewer than six
/// samples, there is no interval.
/// </summary>
internal static class Confidence
{
    private const double Tail = 0.025;
    private const int MostExactMedian = 60;
    private const int FewestBootstrapRatio = 20;

    internal static Interval? OfMedian(double[] values)
    {
        if (values.Length > MostExactMedian)
        {
            return Bootstrap.OfMedian(values);
        }

        // Below the k-th of n samples the median lies as often as fewer than k of n tosses of a coin are heads.
        double[] sorted = [.. values.Order()];
        int rank = 0;
        double sum = 0;
        double term = Math.Pow(0.5, sorted.Length);
        while (rank < sorted.Length && sum + term <= Tail)
        {
            sum += term;
            term *= (sorted.Length - rank) / (rank + 1.0);
            rank++;
        }

        return rank == 0 ? null : new(sorted[rank - 1], sorted[^rank]);
    }

    /// <summary>The ratio of the median of one sample to that of another; all values are above 0.</summary>
    internal static Interval? OfRatio(double[] values, double[] reference)
    {
        if (Math.Min(values.Length, reference.Length) >= FewestBootstrapRatio)
        {
            return Bootstrap.OfRatio(values, reference);
        }

        int rank = RankTest.Critical(values.Length, reference.Length, Tail);
        if (rank == 0)
        {
            return null;
        }

        List<double> ratios = [.. values.SelectMany(_ => reference, (value, other) => value / other).Order()];
        double middle = Order.Median(values) / Order.Median(reference);
        return new(Math.Min(ratios[rank - 1], middle), Math.Max(ratios[^rank], middle));
    }
}
