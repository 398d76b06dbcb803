using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf.Results;

/// <summary>What so many sandboxes at once took, measured together.</summary>
internal sealed record CapacityStep
{
    public required int Sandboxes { get; init; }

    /// <summary>For each: the fall of the machine's available memory since before the first, or, where neighbours freed
    /// more meanwhile, the proportional share of their processes, which is the least that they can hold.</summary>
    public required double MemoryMib { get; init; }

    /// <summary>That fall as it was measured, for each, below 0 where the machine had more than before.</summary>
    public double? FallMib { get; init; }

    /// <summary>Open files of all its processes.</summary>
    public int? DescriptorsEach { get; init; }

    /// <summary>Processors of the machine that all their processes kept busy.</summary>
    public required double BusyProcessors { get; init; }

    public required int ProcessesEach { get; init; }

    public required int ThreadsEach { get; init; }

    /// <summary>Proportional share of all their processes' pages, for each.</summary>
    public required double ProportionalMib { get; init; }
}

/// <summary>A resource and the number of sandboxes at which it ends, by what the measured ones took.</summary>
internal sealed record CapacityLimit(string Resource, double Sandboxes);

/// <summary>What this machine carries of one shape of sandbox in one runtime.</summary>
internal sealed record CapacityRecord
{
    public required string Runtime { get; init; }

    /// <summary>What a sandbox does: idle or busy.</summary>
    public required string Shape { get; init; }

    public required List<CapacityStep> Steps { get; init; }

    /// <summary>Why there was no further step.</summary>
    public required string Stopped { get; init; }

    /// <summary>The nearest first.</summary>
    public required List<CapacityLimit> Limits { get; init; }

    /// <summary>The sentence for planners: what was carried, and what ends next.</summary>
    internal string Sentence()
    {
        string measured = $"{Steps[^1].Sandboxes} {Shape} sandboxes of {Runtime} ran at once ({Stopped})";
        return Limits.Count == 0 ? measured : string.Create(
            CultureInfo.InvariantCulture,
            $"{measured}; this machine carries about {Limits[0].Sandboxes:#,0} of this shape, ")
            + $"then {Limits[0].Resource} ends" + (Limits.Count < 2 ? "" : string.Create(
                CultureInfo.InvariantCulture,
                $"; the next limit is {Limits[1].Resource}, at {Limits[1].Sandboxes:#,0}"));
    }
}

/// <summary>Starts sandboxes of one shape, twice as many in each step, until one does not start, memory runs short or
/// the
/// wanted number is reached. All of them end with <see cref="Dispose"/>.</summary>
internal sealed class Capacity(Layout layout, RuntimeSpec runtime, IReadOnlyList<string> command) : IDisposable
{
    private const int SettleMs = 2_000;
    private const int WatchMs = 3_000;
    private const int MostSeconds = 1_800;
    private const double KibPerMib = 1024;

    private readonly List<(Execution Execution, Process Process)> _running = [];
    private readonly Room _room = Room.Now();

    /// <summary>Why no further step was made.</summary>
    internal string Limit { get; private set; } = "";

    internal IEnumerable<CapacityStep> Measure(int most)
    {
        for (int wanted = 1; wanted <= most && Limit.Length == 0; wanted = wanted == most ? most + 1
            : Math.Min(2 * wanted, most))
        {
            while (_running.Count < wanted && Limit.Length == 0)
            {
                StartOne();
            }

            if (_running.Count == 0)
            {
                yield break;
            }

            Thread.Sleep(SettleMs);
            if (_running.Exists(each => each.Process.HasExited))
            {
                Limit = "a sandbox ended: " + _running.Find(each => each.Process.HasExited)
                    .Process.StandardError.ReadToEnd().Trim();
                Limit = Execution.Plain(Limit);
                yield break;
            }

            yield return Step();
        }

        Limit = Limit.Length == 0 ? "the wanted number was reached" : Limit;
    }

    public void Dispose()
    {
        foreach ((Execution execution, Process process) in _running)
        {
            process.Kill(true);
            process.WaitForExit();
            process.Dispose();
            execution.Dispose();
        }

        _running.Clear();
    }

    /// <summary>Processors that the sandboxes' own processes keep busy, whatever else runs on the machine.</summary>
    private double BusyProcessors()
    {
        const double TicksPerSecond = 100;
        long start = Stopwatch.GetTimestamp();
        long before = Ticks();
        Thread.Sleep(WatchMs);
        return Math.Max(0, Ticks() - before) / TicksPerSecond / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private long Ticks() =>
        _running.Sum(each => new ProcessTree(Execution.RuntimeProcess(each.Process.Id)).Ticks());

    private CapacityStep Step()
    {
        double busy = BusyProcessors();
        double fall = (_room.AvailableMib - Machine.Memory("MemAvailable") / KibPerMib) / _running.Count;
        ProcessTree tree = new(Execution.RuntimeProcess(_running[^1].Process.Id));
        double proportional = _running.Sum(each => Proportional(each.Process.Id)) / _running.Count;
        return new()
        {
            Sandboxes = _running.Count,
            MemoryMib = Math.Max(fall, proportional),
            FallMib = fall,
            BusyProcessors = busy,
            ProcessesEach = tree.Pids.Count,
            ThreadsEach = tree.Pids.Sum(pid => ProcessTree.ThreadCount(pid)),
            DescriptorsEach = tree.Pids.Sum(pid => ProcessTree.DescriptorCount(pid)),
            ProportionalMib = proportional,
        };
    }

    private static double Proportional(int pid) => new ProcessTree(Execution.RuntimeProcess(pid)).Pids
        .Sum(each => ProcessTree.MemoryKib(each, "Pss:")) / KibPerMib;

    private void StartOne()
    {
        if (Machine.Memory("MemAvailable") < Room.Reserve * Machine.Memory("MemTotal"))
        {
            Limit = $"less than {Room.Reserve * 100:0} % of the memory is available";
            return;
        }

        Job job = new()
        {
            Name = "capacity",
            Suite = "capacity",
            Summary = "",
            Folder = layout.Suites,
            Command = command,
            Measure = Suites.Measure.Memory,
            Parser = "",
            Metric = "",
            Unit = "",
            Better = Better.Lower,
            Axes = [],
            Usual = [],
            Shared = "",
            Needs = [],
            Goals = [],
            TimeoutSeconds = MostSeconds,
            Repeat = 1,
        };
        Execution execution = new(layout, runtime, Variant.Of(job, Selection.All).First(), "");
        Process? process = execution.Start(out string reason);
        // One that is still starting would count as a busy one.
        if (process != null && execution.WaitUntilRunning(process, out reason))
        {
            _running.Add((execution, process));
            return;
        }

        process?.Kill(true);
        process?.Dispose();
        execution.Dispose();
        Limit = "a sandbox could not be started: " + reason;
    }

    /// <summary>The limits of what was measured, by what was there before.</summary>
    internal List<CapacityLimit> Limits(IReadOnlyList<CapacityStep> steps) => Limits(steps, _room);

    /// <summary>The number of sandboxes at which each resource ends, of what was there before the first: memory by the
    /// line through the steps, others by what the last step took, processors by what a sandbox took while there were
    /// enough.</summary>
    internal static List<CapacityLimit> Limits(IReadOnlyList<CapacityStep> steps, Room room)
    {
        const double LeastBusy = 0.0005;
        CapacityStep last = steps[^1];
        double busyEach = steps.Max(step => step.BusyProcessors / step.Sandboxes);
        // Every thread takes a number of the host, and of the harness's wrappers each sandbox has two.
        List<CapacityLimit> limits =
        [
            new($"process numbers ({room.ProcessNumbers:0} free)", room.ProcessNumbers / (last.ThreadsEach + 2.0)),
        ];
        double slope = Slope(steps);
        double each = Math.Max(slope, last.ProportionalMib);
        if (each > 0)
        {
            string how = slope > 0 ? "" : ", by the processes' pages alone: what is free moved too much to tell";
            limits.Add(new($"memory ({room.UsableMib:0} MiB of it{how})", room.UsableMib / each));
        }

        if (last.DescriptorsEach is int descriptors and > 0)
        {
            limits.Add(new($"open files ({room.Descriptors:0} free)", room.Descriptors / descriptors));
        }

        if (busyEach > LeastBusy)
        {
            limits.Add(new($"processors ({Environment.ProcessorCount})", Environment.ProcessorCount / busyEach));
        }

        return [.. limits.OrderBy(limit => limit.Sandboxes)];
    }

    /// <summary>MiB that one sandbox more takes of the machine: of the line of least squares through the falls of its
    /// available memory; of a single step, its own.</summary>
    private static double Slope(IReadOnlyList<CapacityStep> steps)
    {
        static double Fall(CapacityStep step) => (step.FallMib ?? step.MemoryMib) * step.Sandboxes;

        double across = steps.Average(step => (double)step.Sandboxes);
        double spread = steps.Sum(step => (step.Sandboxes - across) * (step.Sandboxes - across));
        return spread > 0
            ? steps.Sum(step => (step.Sandboxes - across) * Fall(step)) / spread
            : Fall(steps[^1]) / steps[^1].Sandboxes;
    }
}
