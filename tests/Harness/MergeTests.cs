using System.Collections.Generic;
using System.Linq;
using Perf.Report;
using Perf.Results;
using Perf.Runtimes;
using Perf.Suites;
using Xunit;

namespace Tests.Harness;

/// <summary>Results that were taken in pieces, and what a machine carries.</summary>
public sealed class MergeTests
{
    [Fact]
    public void Pieces_become_one_result_and_the_later_run_of_a_job_counts()
    {
        ResultFile early = Results.Make([1], [1], Better.Higher);
        early.Jobs.Add(early.Jobs[0] with { Name = "job b" });
        ResultFile late = Results.Make([2], [3], Better.Higher) with
        {
            Taken = early.Taken.AddHours(1),
            Commit = "ffffffffffff",
        };
        ResultFile whole = Merger.Merge([late, early]);
        Assert.Equal(["job a", "job b"], whole.Jobs.Select(job => job.Name));
        Assert.Equal(3, whole.Find("job a")!.Of("runsc-x")!.Median);
        Assert.Equal("0123456789ab ffffffffffff", whole.Commit);
        Assert.Equal(late.Taken, whole.Taken);
        Assert.Equal("2", whole.Knobs["pieces"]);
    }

    [Fact]
    public void Pieces_of_two_builds_or_two_machines_are_refused()
    {
        ResultFile one = Results.Make([1], [1], Better.Higher);
        ResultFile built = one with { Runtimes = [new("runc", "1", []), new("runsc-x", "2", ["--platform=x"], "abc")] };
        ResultFile moved = one with { Machine = one.Machine with { Processors = 4 } };
        ResultFile busier = one with { Machine = one.Machine with { Load = 9 } };
        Assert.Throws<Perf.UserException>(() => Merger.Merge([one, built]));
        Assert.Throws<Perf.UserException>(() => Merger.Merge([one, moved]));
        Assert.Equal(9, Merger.Merge([one, busier]).Machine.Load);
    }

    [Fact]
    public void The_nearest_limit_is_named_with_the_next_one()
    {
        List<CapacityStep> steps = [Step(1, 0.5), Step(4, 2)];
        List<CapacityLimit> limits = Capacity.Limits(steps);
        // A sandbox that takes half a processor is carried twice as often as there are processors.
        CapacityLimit processors = limits.Single(limit => limit.Resource.StartsWith("processors"));
        Assert.Equal(System.Environment.ProcessorCount / 0.5, processors.Sandboxes);
        Assert.Equal(limits.Min(limit => limit.Sandboxes), limits[0].Sandboxes);
        CapacityRecord record = new()
        {
            Runtime = "runsc-x",
            Shape = "idle",
            Steps = steps,
            Stopped = "the wanted number was reached",
            Limits = [new("memory", 500.4), new("process numbers", 4_000)],
        };
        Assert.Equal(
            "4 idle sandboxes of runsc-x ran at once (the wanted number was reached); this machine carries about 500 "
            + "of this shape, then memory ends; the next limit is process numbers, at 4,000", record.Sentence());
        ResultFile result = Results.Make([1], [1], Better.Higher);
        result.Capacity.Add(record);
        Assert.Contains(record.Sentence(), MarkdownReport.Write(result));
        Assert.Contains(record.Sentence(), HtmlReport.Write([result]));
    }

    [Theory]
    [InlineData("1:cpu:/\n0::/x\n", "")]
    [InlineData("3:cpuset:/a\n2:cpu,cpuacct:/quiet\n", "/quiet")]
    [InlineData("0::/user.slice\n", "")]
    public void The_group_of_the_processors_is_found(string text, string group) =>
        Assert.Equal(group, ControlGroup.OfProcessors(text));

    private static CapacityStep Step(int sandboxes, double busy) => new()
    {
        Sandboxes = sandboxes,
        MemoryMib = 10,
        BusyProcessors = busy,
        ProcessesEach = 3,
        ThreadsEach = 9,
        ProportionalMib = 8,
    };
}
