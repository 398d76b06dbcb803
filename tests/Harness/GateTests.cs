using System;
using System.Collections.Generic;
using System.Linq;
using Perf.Results;
using Perf.Suites;
using Xunit;

namespace Tests.Harness;

/// <summary>The gate against made-up machines: with the noise and the drift of a busy host, and with a planted
/// slowdown. </summary>
public sealed class GateTests
{
    private const int Runs = 12;

    private static readonly double[] s_calm = [100, 101, 99, 100, 102, 98, 100, 101, 99, 100, 102, 98];
    private static readonly double[] s_wild = [100, 30, 170, 60, 140, 100, 45, 155, 80, 120, 25, 175];
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
        ResultFile wild = Results.Make(s_calm, s_wild, Better.Higher);
        Assert.False(Compare(Calm(), Calm()).IsBlind);
        Assert.True(Compare(wild, wild).IsBlind);
    }

    [Fact]
    public void Counts_are_compared_exactly()
    {
        CountRecord[] before = [new("runsc-x read", 0), new("runsc-x write", 0), new("runsc-x poll", 8)];
        string[] reasons =
        [
            .. Gate.Counts(before, [new("runsc-x read", 0.02), new("runsc-x poll", 8), new("runsc-x new", 1)], _ =>
                true),
        ];
        Assert.Equal(3, reasons.Length);
        Assert.Contains("read: 0.02, was 0", reasons[0]);
        Assert.Contains("write", reasons[1]);
        Assert.Contains("new: 1, and the baseline has no such count", reasons[2]);
    }

    /// <summary>What was counted on another machine, in a runtime that this one lacks, is no reason to fail.</summary>
    [Fact]
    public void Counts_of_a_runtime_that_the_machine_lacks_are_left_out()
    {
        CountRecord[] before = [new("runsc-kvm read: exits", 1), new("runsc-x read: calls", 1)];
        Assert.Empty(Gate.Counts(before, [before[1]], runtime => runtime != "runsc-kvm"));
        Assert.Single(Gate.Counts(before, [before[1]], _ => true));
    }

    [Fact]
    public void A_baseline_without_reference_jobs_or_counts_is_unfit()
    {
        Gate gate = new(Budget with { Counted = ["runsc-x"] });
        ResultFile whole = Calm();
        Assert.Equal(["the baseline has no counts of runsc-x"], gate.Unfit(whole, _ => true));
        Assert.Empty(gate.Unfit(whole, _ => false));
        whole.Counts.Add(new("runsc-x read: bytes", 0));
        Assert.Empty(gate.Unfit(whole, _ => true));
        whole.Jobs[0].Series.RemoveAt(0);
        Assert.Contains("lacks runc", gate.Unfit(whole, _ => true).Single());
        whole.Jobs.Clear();
        Assert.Contains("no job", gate.Unfit(whole, _ => true).Single());
    }

    /// <summary>Nothing is taken as it is because the reference is missing on one side.</summary>
    [Fact]
    public void Without_the_reference_on_either_side_nothing_is_compared()
    {
        ResultFile without = Calm();
        without.Jobs[0].Series.RemoveAt(0);
        foreach (Comparison comparison in (Comparison[])[Compare(without, Calm()), Compare(Calm(), without)])
        {
            Assert.Equal(Outcome.Missing, comparison.Outcome);
            Assert.Contains("runc", Gate.Reason(comparison));
        }
    }

    [Fact]
    public void A_job_or_a_runtime_that_one_side_lacks_is_a_reason_to_fail()
    {
        ResultFile more = Calm();
        more.Jobs.Add(more.Jobs[0] with { Name = "job b" });
        more.Jobs.Add(more.Jobs[0] with { Name = "elsewhere", Suite = "not of the budget" });
        Gate gate = new(Budget);
        List<Comparison> gone = gate.Compare(more, Calm(), name => name);
        Assert.Equal([Outcome.Same, Outcome.Missing], gone.Select(each => each.Outcome));
        Assert.Contains("was not measured now", Gate.Reason(gone[1]));
        Assert.Contains("does not have it", Gate.Reason(gate.Compare(Calm(), more, name => name)[1]));
        ResultFile less = Calm();
        less.Jobs[0].Series.RemoveAt(1);
        Assert.Contains("runsc-x has no samples before", Gate.Reason(Compare(less, Calm())));
        less.Jobs[0].Series.Add(new() { Runtime = "runsc-x", Failures = { "run 1: status 3" } });
        Assert.Contains("no samples now: run 1: status 3", Gate.Reason(Compare(Calm(), less)));
    }

    [Fact]
    public void Figures_of_two_units_directions_or_jobs_are_not_compared()
    {
        ResultFile calm = Calm();
        JobResult job = calm.Jobs[0] with { Definition = "a" };
        foreach (JobResult other in (JobResult[])
            [job with { Unit = "m" }, job with { Better = Better.Lower }, job with { Definition = "b" }])
        {
            Comparison comparison = Compare(calm with { Jobs = [job] }, calm with { Jobs = [other] });
            Assert.Equal(Outcome.Unlike, comparison.Outcome);
            Assert.NotNull(Gate.Reason(comparison));
        }

        Assert.Equal(Outcome.Same, Compare(calm, calm with { Jobs = [job] }).Outcome);
    }

    [Fact]
    public void Another_machine_or_pinning_is_a_difference_and_another_load_is_none()
    {
        ResultFile calm = Calm();
        Assert.Empty(Likeness.Differences(calm, calm with { Machine = calm.Machine with { Load = 7 } }));
        Assert.Empty(Likeness.Differences(calm, calm with { Knobs = new() { ["runs"] = "24" } }));
        Assert.Contains("kernel: 6 before, 7 after", Likeness.Differences(
            calm, calm with { Machine = calm.Machine with { Kernel = "7" } }));
        Assert.Contains("cpus: \"\" before, \"0\" after", Likeness.Differences(
            calm, calm with { Knobs = new() { ["cpus"] = "0" } }));
    }

    [Fact]
    public void What_held_what_is_blind_and_what_is_missing_are_told_apart()
    {
        Comparison held = Compare(Calm(), Calm());
        Comparison blind = Compare(Calm(), Results.Make(s_calm, s_wild, Better.Higher));
        Comparison missing = Compare(Calm(), Results.Make(s_calm, [], Better.Higher));
        Judgement judgement = new([held, blind, missing], ["a count"], Blind.Told);
        Assert.Equal((1, 0, 1, 1), (judgement.Held, judgement.Slower, judgement.Missing, judgement.TooNoisy.Count));
        Assert.Equal(2, judgement.Reasons.Count);
        Assert.Empty(new Judgement([held, blind], [], Blind.Told).Reasons);
        Assert.Single(new Judgement([held, blind], [], Blind.Fails).Reasons);
        Assert.Single(new Judgement([blind, blind], [], Blind.Told).Reasons);
        Assert.Single(new Judgement([], [], Blind.Told).Reasons);
    }

    [Fact]
    public void The_budget_of_a_variant_goes_before_that_of_its_job()
    {
        Budget budget = Budget with { Jobs = new() { ["job"] = 0.2, ["job a"] = 0.3 } };
        Assert.Equal(0.3, budget.Of("job a"));
        Assert.Equal(0.2, budget.Of("job b"));
        Assert.Equal(0.05, budget.Of("other"));
    }

    [Fact]
    public void The_budget_of_the_repository_makes_sense()
    {
        string suites = Perf.Layout.Find().Suites;
        Assert.NotEmpty(Budget.Load(System.IO.Path.Combine(suites, "budget.json"), JobFile.All(suites)).Suites);
    }

    [Theory]
    [InlineData("\"slowdown\": 0.05", "\"slowdown\": 5", "slowdown: 5 is not a part")]
    [InlineData("\"slowdown\": 0.05", "\"slowdown\": -0.1", "slowdown: -0.1 is not a part")]
    [InlineData("\"job\": 0.2", "\"job\": 1", "jobs: job: 1 is not a part")]
    [InlineData("\"job\": 0.2", "\"jop\": 0.2", "jobs: 'jop' is no job or variant")]
    [InlineData("\"job\": 0.2", "\"job\": null", "")]
    [InlineData("\"job\": 0.2", "\"job\": 0.2, \"job\": 0.3", "")]
    [InlineData("[\"s\"]", "[\"t\"]", "suites: 't' is no suite")]
    [InlineData("[\"s\"]", "[]", "suites: none")]
    [InlineData("[\"s\"]", "[\"s\", \"s\"]", "suites: 's' is there twice")]
    [InlineData("[\"s\"]", "null", "")]
    [InlineData("[\"s\"]", "[null]", "suites: ''")]
    [InlineData("[\"runsc-ptrace\"]", "[\"runsc-trap\"]", "runtimes: 'runsc-trap' is neither")]
    [InlineData("[\"runsc-ptrace\"]", "[]", "runtimes: none")]
    [InlineData("[\"runsc-kvm\"]", "[\"runc\"]", "counted: 'runc' is no runsc-PLATFORM")]
    [InlineData("\"runs\": 9", "\"runs\": 0", "runs: 0")]
    [InlineData("\"runs\": 9", "\"runs\": 9, \"level\": 1", "level: 1")]
    [InlineData("\"runs\": 9", "\"runs\": 9, \"reference\": \"gvisor\"", "reference: 'gvisor'")]
    [InlineData("\"runs\": 9", "\"runs\": 9, \"raise\": 9", "raise")]
    public void A_budget_that_makes_no_sense_is_refused_with_its_name(string part, string instead, string named)
    {
        const string Good = """
            {"suites": ["s"], "runtimes": ["runsc-ptrace"], "counted": ["runsc-kvm"], "runs": 9, "slowdown": 0.05,
             "jobs": {"job": 0.2}}
            """;
        Job job = JobFile.Parse("/x/job", """
            {"suite": "s", "summary": "x", "command": ["/bin/tool"], "parser": "hackbench", "metric": "x", "unit": "n"}
            """);
        string path = System.IO.Path.GetTempFileName();
        try
        {
            System.IO.File.WriteAllText(path, Good);
            Assert.Equal(9, Budget.Load(path, [job]).Runs);
            System.IO.File.WriteAllText(path, Good.Replace(part, instead));
            string message = Assert.Throws<Perf.UserException>(() => Budget.Load(path, [job])).Message;
            Assert.StartsWith(path + ": ", message);
            Assert.Contains(named, message);
            Assert.Throws<Perf.UserException>(() => Budget.Load(System.IO.Path.GetTempPath(), [job]));
        }
        finally
        {
            System.IO.File.Delete(path);
        }
    }

    private static ResultFile Calm() => Results.Make(s_calm, s_calm, Better.Higher);

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
