using System;
using System.Collections.Generic;
using System.Linq;
using Perf.Stats;
using Xunit;

namespace Tests.Harness;

/// <summary>Statistics against definitions computed the long way and against published values.</summary>
public sealed class StatsTests
{
    private static readonly double[] Quick = [11, 12, 13, 14, 15, 16, 17];

    [Fact]
    public void Quantiles_interpolate_between_neighbours()
    {
        Assert.Equal(3, Order.Median([5, 1, 3]));
        Assert.Equal(2.5, Order.Median([4, 1, 2, 3]));
        Assert.Equal(1.75, Order.Quantile([1, 2, 3, 4], 0.25));
        Assert.Throws<ArgumentException>(() => Order.Median([]));
    }

    /// <summary>Over all ways to deal the ranks out, the exact probability is a fraction of them.</summary>
    [Theory]
    [InlineData(3, 4, 2)]
    [InlineData(4, 4, 5)]
    [InlineData(2, 6, 0)]
    [InlineData(5, 3, 7)]
    public void The_exact_rank_test_counts_all_orders(int n, int m, int wanted)
    {
        int all = 0;
        int below = 0;
        double[]? example = null;
        for (int mask = 0; mask < 1 << (n + m); mask++)
        {
            double[] a = [.. Enumerable.Range(0, n + m).Where(i => (mask >> i & 1) == 1).Select(i => (double)i)];
            if (a.Length != n)
            {
                continue;
            }

            int u = a.Sum(x => Enumerable.Range(0, n + m).Count(y => (mask >> y & 1) == 0 && y < x));
            all++;
            below += u <= wanted ? 1 : 0;
            example = u == wanted ? a : example;
        }

        double[] b = [.. Enumerable.Range(0, n + m).Select(i => (double)i).Except(example!)];
        Assert.Equal((double)below / all, RankTest.Less(example!, b), 12);
    }

    /// <summary>Table of Mann and Whitney: for n = m = 8 and U = 14, P = 0.0325.</summary>
    [Fact]
    public void The_exact_rank_test_agrees_with_the_published_table()
    {
        double[] a = [1, 2, 3, 4, 5, 6, 13.5, 15.5];
        double[] b = [7, 8, 9, 10, 11, 12, 14, 15];
        int u = a.Sum(x => b.Count(y => x > y));
        Assert.Equal(14, u);
        Assert.Equal(0.0325, RankTest.Less(a, b), 4);
    }

    /// <summary>With one tie across the samples U is 28.5; the exact probabilities of 28 and 29 stand on either side.
    /// </summary>
    [Fact]
    public void The_approximation_for_ties_lies_between_the_exact_neighbours()
    {
        double[] a = [1, 3, 5, 7, 9, 11, 13, 15, 17, 20];
        double[] b = [6, 8, 10, 12, 14, 16, 18, 20, 22, 24];
        Assert.InRange(RankTest.Less(a, b), 0.0525, 0.0616);
        a[9] = 19;
        Assert.Equal(0.0526, RankTest.Less(a, b), 4);
    }

    [Fact]
    public void Equal_samples_are_not_told_apart_and_shifted_ones_are()
    {
        Assert.Equal(1, RankTest.TwoSided(Quick, Quick));
        double[] shifted = [.. Quick.Select(value => value - 8.5)];
        Assert.True(RankTest.Less(shifted, Quick) < 0.001);
        Assert.True(RankTest.Less(Quick, shifted) > 0.999);
        Assert.Equal(1, RankTest.TwoSided([2, 2, 2], [2, 2, 2]));
    }

    /// <summary>Under one source the test alarms as rarely as its level says.</summary>
    [Fact]
    public void The_rank_test_keeps_its_level()
    {
        Random random = new(7);
        int alarms = 0;
        const int Trials = 4_000;
        for (int i = 0; i < Trials; i++)
        {
            double[] a = [.. Enumerable.Range(0, 7).Select(_ => random.NextDouble())];
            double[] b = [.. Enumerable.Range(0, 7).Select(_ => random.NextDouble())];
            alarms += RankTest.Less(a, b) < 0.05 ? 1 : 0;
        }

        Assert.InRange(alarms / (double)Trials, 0.035, 0.06);
    }

    /// <summary>The interval holds the true median as often as it says, also of so few samples that a bootstrap does
    /// not.</summary>
    [Theory]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(23)]
    [InlineData(33)]
    [InlineData(60)]
    [InlineData(61)]
    public void The_interval_of_a_median_holds_the_true_one(int size)
    {
        Random random = new(11);
        int held = 0;
        // The bootstrap of the largest size takes as long as all the rest.
        int trials = size > 60 ? 100 : 400;
        for (int i = 0; i < trials; i++)
        {
            Interval interval = Confidence.OfMedian(Draw(random, size))!.Value;
            held += interval.Low <= Math.Log(2) && Math.Log(2) <= interval.High ? 1 : 0;
        }

        Assert.InRange(held / (double)trials, 0.93, 1);
    }

    /// <summary>The reach of order statistics from the binomial distribution: of 6 values the whole range (31 in 32),
    /// of 9 all but the outermost (492 in 512), of 12 from the third on (3938 in 4096).</summary>
    [Fact]
    public void The_interval_of_a_few_values_is_of_order_statistics()
    {
        Assert.Null(Confidence.OfMedian([1, 2, 3, 4, 5]));
        Assert.Equal(new Interval(1, 6), Confidence.OfMedian([6, 2, 3, 4, 5, 1]));
        Assert.Equal(new Interval(2, 8), Confidence.OfMedian([1, 2, 3, 4, 5, 6, 7, 8, 9]));
        Assert.Equal(new Interval(3, 10), Confidence.OfMedian([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
        Assert.Null(Confidence.OfRatio([1, 2, 3], [1, 2, 3]));
    }

    [Theory]
    [InlineData(4, 4)]
    [InlineData(7, 7)]
    [InlineData(7, 24)]
    [InlineData(12, 12)]
    [InlineData(20, 20)]
    public void The_interval_of_a_ratio_of_few_holds_the_true_one(int size, int others)
    {
        Random random = new(13);
        int held = 0;
        const int Trials = 300;
        for (int i = 0; i < Trials; i++)
        {
            double[] values = [.. Draw(random, size).Select(value => 3 + 0.3 * value)];
            double[] reference = [.. Draw(random, others).Select(value => 1 + 0.1 * value)];
            Interval interval = Confidence.OfRatio(values, reference)!.Value;
            held += interval.Low <= 3 && 3 <= interval.High ? 1 : 0;
        }

        Assert.InRange(held / (double)Trials, 0.93, 1);
    }

    [Fact]
    public void The_interval_of_a_ratio_holds_it()
    {
        Interval interval = Bootstrap.OfRatio([.. Quick.Select(value => 2 * value)], Quick);
        Assert.InRange(2, interval.Low, interval.High);
        Assert.Equal(interval, Bootstrap.OfRatio([.. Quick.Select(value => 2 * value)], Quick));
    }

    [Fact]
    public void Only_what_is_far_from_the_rest_is_an_outlier()
    {
        Assert.DoesNotContain(true, Outliers.Mark(Quick));
        Assert.Equal([false, false, false, false, false, true], Outliers.Mark([10, 11, 10.5, 10.2, 10.9, 30]));
        Assert.DoesNotContain(true, Outliers.Mark([1, 1, 1, 1, 1]));
    }

    /// <summary>Where more than half of the values are equal their median deviation is 0, and the mean one
    /// counts.</summary>
    [Fact]
    public void One_value_far_from_equal_ones_is_an_outlier()
    {
        Assert.Equal([false, false, false, false, true], Outliers.Mark([10, 10, 10, 10, 1000]));
        Assert.DoesNotContain(true, Outliers.Mark([10, 10, 10, 10, 11, 11, 11]));
    }

    /// <summary>A percentile is told where there is a value above it: of ten values the 90th, not the 99th.</summary>
    [Fact]
    public void A_percentile_needs_values_enough()
    {
        Histogram counts = new();
        counts.Record(5, 9);
        Assert.Equal([50], Histogram.Told.Where(counts.Tells));
        counts.Record(5);
        Assert.Equal([50, 90], Histogram.Told.Where(counts.Tells));
        counts.Record(5, 990);
        Assert.Equal([50, 90, 99, 99.9], Histogram.Told.Where(counts.Tells));
        counts.Record(5, 9_000);
        Assert.Equal(Histogram.Told, Histogram.Told.Where(counts.Tells));
    }

    private static double[] Draw(Random random, int size) =>
        [.. Enumerable.Range(0, size).Select(_ => -Math.Log(1 - random.NextDouble()))];
}
