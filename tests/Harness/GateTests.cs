using System;
using System.Collections.Generic;
using System.Linq;
using Perf.Results;
using Perf.Suites;
using Xunit;

namespace Tests.Harness;

/// <summary>The gate against made-up machines: with the noise and the drift of a busy host, and with a planted
/// slowdown.
/// </summary>
public sealed class GateTests
{
    private const int Runs = 12;

    private static readonly Budget Budget = new() { Suites = ["s"], Runtimes = ["runsc-x"], Reference = "runc" };

    [Theory]
    [InlineData(nameof(Better.Higher))]
    [InlineData(nameof(Better.Lower))]
    public void A_slowdown_of_ten_percent_is_found_and_named(string direction)
    {
        Better better = Enum.Parse<Better>(direction);
        int found = 0;
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            Comparison comparison = Compare(Machine(random, 1, 1, better), Machine(random, 1.3, 0.9, better));
            found += comparison.Outcome == Outcome.Worse ? 1 : 0;
            Assert.True(comparison.Outcome != Outcome.Worse || Gate.Reason(comparison)!.Contains("% slower"));
        }

        Assert.InRange(found, 48, 50);
    }

    [Fact]
    public void The_same_build_raises_no_alarm_while_the_machine_drifts()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            Random random = new(seed);
            ResultFile before = Machine(random, 1, 1, Better.Higher);
            ResultFile after = Machine(random, 0.6 + random.NextDouble(), 1, Better.Higher);
            Assert.Equal(Outcome.Same, Compare(before, after).Outcome);
        }
    }

    [Fact]
    public void Too_few_samples_and_none_are_reasons_to_fail()
    {
        ResultFile few = Results.Make([1, 2], [1, 2], Better.Higher);
        Assert.Equal(Outcome.TooFew, Compare(few, few).Outcome);
        ResultFile none = Results.Make([1, 2], [], Better.Higher);
        Assert.Equal(Outcome.Missing, Compare(few, none).Outcome);
        Assert.NotNull(Gate.Reason(Compare(few, few)));
        Assert.NotNull(Gate.Reason(Compare(few, none)));
    }

    [Fact]
    public void Faster_is_no_reason_to_fail()
    {
        Random random = new(1);
        Comparison comparison = Compare(Machine(random, 1, 1, Better.Lower), Machine(random, 1, 1.5, Better.Lower));
        Assert.Equal(Outcome.Better, comparison.Outcome);
        Assert.Null(Gate.Reason(comparison));
    }

    [Fact]
    public void A_machine_on_which_nothing_could_be_seen_is_said_to_be_one()
    {
        double[] calm = [100, 101, 99, 100, 102, 98, 100, 101, 99, 100, 102, 98];
        double[] wild = [100, 30, 170, 60, 140, 100, 45, 155, 80, 120, 25, 175];
        Assert.False(Compare(Results.Make(calm, calm, Better.Higher), Results.Make(calm, calm, Better.Higher)).IsBlind);
        Assert.True(Compare(Results.Make(calm, wild, Better.Higher), Results.Make(calm, wild, Better.Higher)).IsBlind);
    }

    [Fact]
    public void Counts_are_compared_exactly()
    {
        ResultFile before = Results.Make([1], [1], Better.Higher);
        ResultFile after = Results.Make([1], [1], Better.Higher);
        before.Counts.AddRange([new("read", 0), new("write", 0), new("poll", 8)]);
        after.Counts.AddRange([new("read", 0.02), new("poll", 8)]);
        string[] reasons = [.. Gate.Counts(before.Counts, after.Counts)];
        Assert.Equal(2, reasons.Length);
        Assert.Contains("read: 0.02, was 0", reasons[0]);
        Assert.Contains("write", reasons[1]);
    }

    [Fact]
    public void The_budget_of_a_variant_goes_before_that_of_its_job()
    {
        Budget budget = Budget with { Jobs = new() { ["job"] = 0.2, ["job a"] = 0.3 } };
        Assert.Equal(0.3, budget.Of("job a"));
        Assert.Equal(0.2, budget.Of("job b"));
        Assert.Equal(0.05, budget.Of("other"));
        Assert.NotEmpty(Budget.Load(System.IO.Path.Combine(Perf.Layout.Find().Suites, "budget.json")).Suites);
    }

    private static Comparison Compare(ResultFile before, ResultFile after) =>
        new Gate(Budget).Compare(before, after, name => name).Single();

    /// <summary>A result on a machine of this speed that slows and quickens from turn to turn by up to a half, with 1
    /// % of
    /// noise in each run; ours has this performance.</summary>
    private static ResultFile Machine(Random random, double speed, double performance, Better better)
    {
        List<double> runc = [];
        List<double> ours = [];
        for (int i = 0; i < Runs; i++)
        {
            double now = speed * (1 + random.NextDouble() / 2);
            double first = 1_000 * now * (1 + (random.NextDouble() - 0.5) / 50);
            double second = 500 * now * performance * (1 + (random.NextDouble() - 0.5) / 50);
            runc.Add(better == Better.Higher ? first : 1e6 / first);
            ours.Add(better == Better.Higher ? second : 1e6 / second);
        }

        return Results.Make(runc, ours, better);
    }
}
