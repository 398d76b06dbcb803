using System.Collections.Generic;
using System.Linq;
using Perf.Results;
using Perf.Suites;
using Xunit;

namespace Tests.Harness;

/// <summary>Which rows of two results are named as different.</summary>
public sealed class DifferenceTests
{
    private static readonly double[] s_before = [100, 101, 102, 103, 104, 105, 106];
    private static readonly double[] s_slower = [80, 81, 82, 83, 84, 85, 86];
    private static readonly double[] s_reference = [10, 10.1, 9.9, 10.2, 9.8, 10.05, 9.95];

    /// <summary>The example of Benjamini and Hochberg's paper (15 probabilities): the four smallest are named, where
    /// Bonferroni names three.</summary>
    [Fact]
    public void Differences_are_named_as_Benjamini_and_Hochberg_do()
    {
        List<double> all =
        [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0000,
        ];
        Assert.Equal(0.0095, Differences.Named(all));
        Assert.True(Differences.Named([0.2, 0.9]) < 0);
        Assert.True(Differences.Named([]) < 0);
    }

    /// <summary>Seven runs of each are enough to name one slower row of twenty, and none of the equal ones.</summary>
    [Fact]
    public void One_slower_job_among_many_is_named()
    {
        ResultFile before = Many([.. Enumerable.Repeat(s_before, 20)]);
        ResultFile after = Many([s_slower, .. Enumerable.Repeat(s_before, 19)]);
        List<Comparison> rows = Differences.Of(before, after, "runc");
        List<Comparison> ours = [.. rows.Where(row => row.Runtime == "runsc-x")];
        Assert.Equal(Outcome.Worse, ours[0].Outcome);
        Assert.Equal(19, ours.Count(row => row.Outcome == Outcome.Same));
        Assert.All(rows.Where(row => row.Runtime == "runc"), row => Assert.Equal(Outcome.Reference, row.Outcome));
    }

    /// <summary>Whether there are runs enough does not depend on how many rows there are: four of each have two in
    /// seventy as their least probability, three one in ten.</summary>
    [Theory]
    [InlineData(3, nameof(Outcome.TooFew))]
    [InlineData(4, nameof(Outcome.Same))]
    public void Too_few_runs_are_those_that_could_not_tell_one_row(int runs, string outcome)
    {
        ResultFile some = Many([.. Enumerable.Repeat(s_before[..runs], 30)]);
        Assert.All(
            Differences.Of(some, some, "runc").Where(row => row.Runtime == "runsc-x"),
            row => Assert.Equal(outcome, row.Outcome.ToString()));
    }

    [Fact]
    public void Rows_without_the_reference_say_so()
    {
        ResultFile some = Many([s_before]);
        Assert.Equal("runc", Differences.Of(some, some, "runc")[1].Reference);
        Assert.All(Differences.Of(some, some, "native"), row => Assert.Equal("", row.Reference));
    }

    private static ResultFile Many(double[][] ours)
    {
        ResultFile result = Results.Make(s_reference[..ours[0].Length], ours[0], Better.Higher);
        result.Jobs.AddRange(ours.Skip(1).Select((values, i) => Results.Make(
            s_reference[..values.Length], values, Better.Higher).Jobs[0] with { Name = $"job {i}" }));
        return result;
    }
}
