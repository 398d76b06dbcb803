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
        List<CapacityLimit> limits = Capacity.Limits(steps, new(4_000, 3_000, 11_000, 100_000));
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
        Assert.Contains("| 4.00 | 10.0 | 8.00 | 2.00 | 3.00 | 9.00 | - |", MarkdownReport.Write(result));
    }

    [Fact]
    public void Memory_is_the_line_through_the_steps_and_at_least_what_the_processes_hold()
    {
        Room room = new(4_000, 3_000, 11_000, 100_000);
        // 500 MiB that a neighbour took before the first step are no part of a sandbox.
        CapacityStep[] taken = [Step(1, 0) with { FallMib = 520 }, Step(4, 0) with { FallMib = 145 }];
        Assert.Equal(3_000 / 20.0, Of("memory", taken, room).Sandboxes, 6);
        // What a neighbour gave back hides a sandbox's memory: the processes' pages, 8 MiB, are the least.
        CapacityStep[] given = [Step(1, 0) with { FallMib = -536 }, Step(4, 0) with { FallMib = -600 }];
        CapacityLimit noisy = Of("memory", given, room);
        Assert.Equal(3_000 / 8.0, noisy.Sandboxes, 6);
        Assert.Contains("too much to tell", noisy.Resource);
        Assert.Equal(1_000, Of("process numbers", taken, room).Sandboxes);
        Assert.Equal(100_000 / 25.0, Of("open files", [Step(1, 0) with { DescriptorsEach = 25 }], room).Sandboxes);
    }

    [Theory]
    [InlineData(80, 100, 100, 8, "memory is short")]
    [InlineData(81, 80, 100, 8, "process numbers are short")]
    [InlineData(81, 81, 80, 8, "open files are short")]
    [InlineData(81, 81, 81, 8, "")]
    [InlineData(0, 81, 81, 0, "memory is short")]
    public void What_is_short_is_named_before_it_is_gone(
        double memory, double processes, double files, int more, string named)
    {
        string? shortage = new Room(1_000, memory, processes, files).Shortage(new(0, 10, 10, 10), more);
        Assert.Equal(named, shortage?.Split(" (")[0] ?? "");
    }

    [Theory]
    [InlineData(1, 0.099, 1, "each had less than 10 % of the processor time that one alone had")]
    [InlineData(1, 0.101, 1, "")]
    [InlineData(0.01, 0.0001, 1, "")]
    [InlineData(1, 1, 10.4, "starting one took 10 s")]
    [InlineData(0, 0, 9, "")]
    public void Sandboxes_that_starve_or_start_slowly_are_the_last(
        double alone, double share, double startSeconds, string named) =>
        Assert.Equal(named, Capacity.Verdict(alone, share, startSeconds) ?? "");

    [Fact]
    public void The_room_of_this_machine_is_some()
    {
        Room room = Room.Now();
        Assert.True(room.AvailableMib > room.UsableMib && room.UsableMib >= 0);
        Assert.True(double.IsFinite(room.ProcessNumbers) && room.ProcessNumbers > 0 && room.Descriptors > 0);
    }

    private static CapacityLimit Of(string resource, IReadOnlyList<CapacityStep> steps, Room room) =>
        Capacity.Limits(steps, room).Single(limit => limit.Resource.StartsWith(resource));

    [Theory]
    [InlineData("1:cpu:/\n0::/x\n", "")]
    [InlineData("3:cpuset:/a\n2:cpu,cpuacct:/quiet\n", "/quiet")]
    [InlineData("0::/user.slice\n", "/user.slice")]
    [InlineData("0::/\n", "")]
    [InlineData("", "")]
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
