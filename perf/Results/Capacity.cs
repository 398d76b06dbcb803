using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf.Results;

/// <summary>What so many sandboxes at once took, measured together.</summary>
internal sealed record CapacityStep
{
    public required int Sandboxes { get; init; }

    /// <summary>Fall of the machine's available memory since before the first, for each.</summary>
    public required double MemoryMib { get; init; }

    /// <summary>Processors at work, of all of the machine's.</summary>
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
    /// <summary>Memory that is left to the machine, as a part of all.</summary>
    private const double Reserve = 0.15;

    private const int SettleMs = 2_000;
    private const int WatchMs = 3_000;
    private const int MostSeconds = 1_800;
    private const double KibPerMib = 1024;

    private readonly List<(Execution Execution, Process Process)> _running = [];
    private readonly double _availableBefore = Machine.Memory("MemAvailable") / KibPerMib;
    private readonly double _busyBefore = BusyProcessors();

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

            Thread.Sleep(SettleMs);
            if (_running.Exists(each => each.Process.HasExited))
            {
                Limit = "a sandbox ended: " + _running.Find(each => each.Process.HasExited)
                    .Process.StandardError.ReadToEnd().Trim();
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

    private static double BusyProcessors()
    {
        ProcessorTime start = ProcessorTime.Now();
        Thread.Sleep(WatchMs);
        return ProcessorTime.BusySince(start) * Environment.ProcessorCount;
    }

    private CapacityStep Step()
    {
        double busy = Math.Max(0, BusyProcessors() - _busyBefore);
        double used = _availableBefore - Machine.Memory("MemAvailable") / KibPerMib;
        ProcessTree tree = new(Execution.RuntimeProcess(_running[^1].Process.Id));
        return new()
        {
            Sandboxes = _running.Count,
            MemoryMib = used / _running.Count,
            BusyProcessors = busy,
            ProcessesEach = tree.Pids.Count,
            ThreadsEach = tree.Pids.Sum(pid => ProcessTree.ThreadCount(pid)),
            ProportionalMib = _running.Sum(each => Proportional(each.Process.Id)) / _running.Count,
        };
    }

    private static double Proportional(int pid) => new ProcessTree(Execution.RuntimeProcess(pid)).Pids
        .Sum(each => ProcessTree.MemoryKib(each, "Pss:")) / KibPerMib;

    private void StartOne()
    {
        if (Machine.Memory("MemAvailable") < Reserve * Machine.Memory("MemTotal"))
        {
            Limit = $"less than {Reserve * 100:0} % of the memory is available";
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
        if (process == null)
        {
            execution.Dispose();
            Limit = "a sandbox could not be started: " + reason;
            return;
        }

        _running.Add((execution, process));
    }

    /// <summary>The number of sandboxes at which each resource ends: memory and process numbers by what the last step
    /// took of them, processors by what a sandbox took while there were enough.</summary>
    internal static List<CapacityLimit> Limits(IReadOnlyList<CapacityStep> steps)
    {
        const double LeastBusy = 0.0005;
        CapacityStep last = steps[^1];
        double memory = Machine.Memory("MemTotal") / KibPerMib * (1 - Reserve);
        double pids = double.Parse(File.ReadAllText("/proc/sys/kernel/pid_max"), CultureInfo.InvariantCulture);
        double busyEach = steps.Max(step => step.BusyProcessors / step.Sandboxes);
        List<CapacityLimit> limits =
        [
            new(string.Create(CultureInfo.InvariantCulture, $"memory ({memory:0} MiB of it)"),
                memory / Math.Max(0.1, last.MemoryMib)),
            // Every thread takes a number of the host, and of the harness's wrappers each sandbox has two.
            new(string.Create(CultureInfo.InvariantCulture, $"process numbers ({pids:0})"),
                pids / (last.ThreadsEach + 2)),
        ];
        if (busyEach > LeastBusy)
        {
            limits.Add(new($"processors ({Environment.ProcessorCount})", Environment.ProcessorCount / busyEach));
        }

        return [.. limits.OrderBy(limit => limit.Sandboxes)];
    }
}
