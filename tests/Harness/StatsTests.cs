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

    /// <summary>The interval holds the true median about as often as it says; the percentile bootstrap of a median is
    /// known to be a little narrow for few samples.</summary>
    [Fact]
    public void The_interval_of_a_median_holds_the_true_one()
    {
        Random random = new(11);
        int held = 0;
        const int Trials = 200;
        for (int i = 0; i < Trials; i++)
        {
            double[] sample = [.. Enumerable.Range(0, 25).Select(_ => -Math.Log(1 - random.NextDouble()))];
            Interval interval = Bootstrap.OfMedian(sample);
            held += interval.Low <= Math.Log(2) && Math.Log(2) <= interval.High ? 1 : 0;
        }

        Assert.InRange(held / (double)Trials, 0.88, 1);
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
}
