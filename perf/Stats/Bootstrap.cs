using System;

namespace Perf.Stats;

/// <summary>What a value lies between with 95 % confidence.</summary>
internal readonly record struct Interval(double Low, double High);

/// <summary>
/// Percentile bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13): the spread of a
/// statistic over samples drawn again from the sample. The draws are the same in every run, so that a report of the
/// same result is the same report.
/// </summary>
internal static class Bootstrap
{
    private const int Resamples = 2_000;
    private const int Seed = 20_041;
    private const double Tail = 0.025;

    internal static Interval OfMedian(ReadOnlySpan<double> values)
    {
        Random random = new(Seed);
        double[] medians = new double[Resamples];
        double[] drawn = new double[values.Length];
        for (int i = 0; i < Resamples; i++)
        {
            medians[i] = DrawMedian(random, values, drawn);
        }

        return Middle(medians);
    }

    /// <summary>The ratio of the median of one sample to that of another.</summary>
    internal static Interval OfRatio(ReadOnlySpan<double> values, ReadOnlySpan<double> reference)
    {
        Random random = new(Seed);
        double[] ratios = new double[Resamples];
        double[] drawn = new double[values.Length];
        double[] drawnReference = new double[reference.Length];
        for (int i = 0; i < Resamples; i++)
        {
            ratios[i] = DrawMedian(random, values, drawn) / DrawMedian(random, reference, drawnReference);
        }

        return Middle(ratios);
    }

    private static double DrawMedian(Random random, ReadOnlySpan<double> values, double[] drawn)
    {
        for (int i = 0; i < drawn.Length; i++)
        {
            drawn[i] = values[random.Next(values.Length)];
        }

        Array.Sort(drawn);
        return Order.OfSorted(drawn, 0.5);
    }

    private static Interval Middle(double[] statistics)
    {
        Array.Sort(statistics);
        return new(Order.OfSorted(statistics, Tail), Order.OfSorted(statistics, 1 - Tail));
    }
}
