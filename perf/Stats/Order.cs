using System;
using System.Collections.Generic;

namespace Perf.Stats;

/// <summary>Order statistics of a few values.</summary>
internal static class Order
{
    internal static double Median(IEnumerable<double> values) => Quantile(values, 0.5);

    /// <summary>
    /// The value below which the fraction <paramref name="q"/> lies, between neighbours by linear interpolation
    /// (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages").
    /// </summary>
    internal static double Quantile(IEnumerable<double> values, double q)
    {
        double[] sorted = [.. values];
        if (sorted.Length == 0)
        {
            throw new ArgumentException("no values", nameof(values));
        }

        Array.Sort(sorted);
        return OfSorted(sorted, q);
    }

    /// <summary>As <see cref="Quantile"/>, of values that are in order already.</summary>
    internal static double OfSorted(ReadOnlySpan<double> sorted, double q)
    {
        double at = q * (sorted.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}
