using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf.Results;

/// <summary>What so many sandboxes at once took, measured together.</summary>
internal sealed record CapacityStep
{
    internal required int Sandboxes { get; init; }

    /// <summary>Fall of the machine's available memory since before the first, for each.</summary>
    internal required double MemoryMib { get; init; }

    /// <summary>Processors at work, of all of the machine's.</summary>
    internal required double BusyProcessors { get; init; }

    internal required int ProcessesEach { get; init; }

    internal required int ThreadsEach { get; init; }

    /// <summary>Proportional share of all their processes' pages, for each.</summary>
    internal required double ProportionalMib { get; init; }
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

    /// <summary>The number of sandboxes at which each resource ends, by what the last step took of it.</summary>
    internal static IEnumerable<(string Resource, double Sandboxes)> Limits(CapacityStep last)
    {
        double memory = Machine.Memory("MemTotal") / KibPerMib * (1 - Reserve);
        yield return ($"memory ({memory:0} MiB of it)", memory / Math.Max(0.1, last.MemoryMib));
        double pids = double.Parse(
            File.ReadAllText("/proc/sys/kernel/pid_max"), System.Globalization.CultureInfo.InvariantCulture);
        // Every thread takes a number of the host, and of the harness's wrappers each sandbox has two.
        yield return ($"process numbers ({pids:0})", pids / (last.ThreadsEach + 2));
        double busyEach = last.BusyProcessors / last.Sandboxes;
        yield return ($"processors ({Environment.ProcessorCount})",
            busyEach > 0.0005 ? Environment.ProcessorCount / busyEach : double.PositiveInfinity);
    }
}
