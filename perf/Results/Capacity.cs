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

    /// <summary>How long each took to start, of those that this step has more than the one before; null in results
    /// that are older than it.</summary>
    public double? StartSeconds { get; init; }
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

/// <summary>How far <see cref="Capacity"/> goes where the machine sets no limit before.</summary>
internal readonly record struct Bounds(int MostSandboxes, TimeSpan Time);

/// <summary>Starts sandboxes of one shape, twice as many in each step, until a resource of the machine is short, one
/// does not start, does so slowly or ends, each has too little of the processors, or a bound is reached. All of them
/// end with <see cref="Dispose"/>.</summary>
internal sealed class Capacity(Layout layout, RuntimeSpec runtime, IReadOnlyList<string> command) : IDisposable
{
    /// <summary>How long a sandbox lives that nobody ends, and the longest time that a bound may be.</summary>
    internal const int MostSeconds = 1_800;

    private const int SettleMs = 2_000;
    private const int WatchMs = 3_000;

    /// <summary>Sandboxes that are started at once, before any of them is waited for.</summary>
    private const int Wave = 8;

    /// <summary>Processes of the harness around each sandbox.</summary>
    private const int Wrappers = 2;

    private const double SlowStartSeconds = 10;

    /// <summary>The part of the processor time of a single sandbox that each has at least, if it is a busy one at all.
    /// </summary>
    private const double LeastShare = 0.1;

    private const double BusyProcessor = 0.5;
    private const double KibPerMib = 1024;

    private readonly List<(Execution Execution, Process Process)> _running = [];
    private readonly Room _room = Room.Now();
    private readonly long _begin = Stopwatch.GetTimestamp();

    /// <summary>What the sandboxes of the last step took each; nothing before the first.</summary>
    private Room _each;

    /// <summary>Why no further step was made.</summary>
    internal string Limit { get; private set; } = "";

    internal IEnumerable<CapacityStep> Measure(Bounds bounds)
    {
        double alone = 0;
        for (int wanted = 1; Limit.Length == 0; wanted = Math.Min(2 * wanted, bounds.MostSandboxes))
        {
            int before = _running.Count;
            long start = Stopwatch.GetTimestamp();
            while (_running.Count < wanted && Limit.Length == 0)
            {
                StartSome(Math.Min(Wave, wanted - _running.Count), bounds.Time);
            }

            double startSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds / Math.Max(1, _running.Count - before);
            if (_running.Count == before || Look(startSeconds) is not CapacityStep step)
            {
                yield break;
            }

            yield return step;
            double share = step.BusyProcessors / step.Sandboxes;
            alone = step.Sandboxes == 1 ? share : alone;
            if (Limit.Length == 0)
            {
                Limit = Verdict(alone, share, startSeconds)
                    ?? (_running.Count >= bounds.MostSandboxes ? "the wanted number was reached" : "");
            }
        }
    }

    /// <summary>Why sandboxes that have this part of the processors each, where one alone had that, and that took so
    /// long to start, are the last; null if they are not.</summary>
    internal static string? Verdict(double alone, double share, double startSeconds) =>
        alone > BusyProcessor && share < LeastShare * alone
            ? string.Create(CultureInfo.InvariantCulture,
                $"each had less than {LeastShare * 100:0} % of the processor time that one alone had")
        : startSeconds > SlowStartSeconds
            ? string.Create(CultureInfo.InvariantCulture, $"starting one took {startSeconds:0} s")
        : null;

    public void Dispose()
    {
        foreach ((Execution execution, _) in _running)
        {
            execution.EndInside();
        }

        foreach ((Execution execution, Process process) in _running)
        {
            End(execution, process);
        }

        _running.Clear();
    }

    /// <summary>What ends of itself once its first process was killed; else by force, which looks at every process of
    /// the machine.</summary>
    private static void End(Execution execution, Process process)
    {
        const int GraceMs = 5_000;
        if (!process.WaitForExit(GraceMs))
        {
            process.Kill(true);
            process.WaitForExit();
        }

        process.Dispose();
        execution.Dispose();
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

    /// <summary>What all that run take together, once they have come to rest; null, with the limit, if one of them
    /// ends.</summary>
    private CapacityStep? Look(double startSeconds)
    {
        Thread.Sleep(SettleMs);
        string ended = "a sandbox ended";
        try
        {
            CapacityStep step = Step(startSeconds);
            if (!_running.Exists(each => each.Process.HasExited))
            {
                _each = new(0, Math.Max(step.MemoryMib, 0), step.ThreadsEach + Wrappers, step.DescriptorsEach ?? 0);
                return step;
            }

            Process first = _running.Find(each => each.Process.HasExited).Process;
            ended += ": " + Execution.Plain(first.StandardError.ReadToEnd().Trim());
        }
        catch (Exception failure) when (failure is System.IO.IOException or FormatException)
        {
            // A process that goes while /proc is read.
            ended += " while it was looked at";
        }

        Limit = Limit.Length == 0 ? ended : Limit + "; " + ended;
        return null;
    }

    private CapacityStep Step(double startSeconds)
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
            StartSeconds = Math.Round(startSeconds, 3),
        };
    }

    private static double Proportional(int pid) => new ProcessTree(Execution.RuntimeProcess(pid)).Pids
        .Sum(each => ProcessTree.MemoryKib(each, "Pss:")) / KibPerMib;

    /// <summary>Starts so many at once, and waits for them.</summary>
    private void StartSome(int count, TimeSpan time)
    {
        Limit = Room.Now().Shortage(_each, count) ?? "";
        if (Limit.Length == 0 && Stopwatch.GetElapsedTime(_begin) > time)
        {
            Limit = string.Create(CultureInfo.InvariantCulture, $"the time of {time.TotalMinutes:0.#} minutes was up");
        }

        List<(Execution Execution, Process Process)> begun = [];
        while (begun.Count < count && Limit.Length == 0)
        {
            Execution execution = new(layout, runtime, Sandbox(), "");
            if (execution.Start(out string reason) is Process process)
            {
                begun.Add((execution, process));
                continue;
            }

            execution.Dispose();
            Limit = "a sandbox could not be started: " + reason;
        }

        foreach ((Execution execution, Process process) in begun)
        {
            // One that is still starting would count as a busy one.
            string reason = "";
            if (Limit.Length == 0 && execution.WaitUntilRunning(process, out reason))
            {
                _running.Add((execution, process));
                continue;
            }

            execution.EndInside();
            End(execution, process);
            Limit = Limit.Length == 0 ? "a sandbox could not be started: " + reason : Limit;
        }
    }

    private Variant Sandbox()
    {
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
        return Variant.Of(job, Selection.All).First();
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
        // Every thread takes a number of the host.
        List<CapacityLimit> limits =
        [
            new($"process numbers ({room.ProcessNumbers:0} free)",
                room.ProcessNumbers / (last.ThreadsEach + (double)Wrappers)),
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
