using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Perf.Results;

namespace Perf.Report;

/// <summary>What both forms of the report say of a result, as rows of text.</summary>
internal sealed class Overview
{
    internal static readonly IReadOnlyList<string> CapacityHeader =
    [
        "sandboxes", "MiB each", "PSS MiB each", "processors at work", "processes each", "threads each",
        "seconds to start each",
    ];

    private readonly ResultFile _result;

    internal Overview(ResultFile result)
    {
        _result = result;
        Runtimes = Figures.Runtimes(result);
        References = [.. ((string[])["runc", "native"]).Where(Runtimes.Contains)];
    }

    internal List<string> Runtimes { get; }

    /// <summary>Those that others are compared with.</summary>
    internal List<string> References { get; }

    internal IEnumerable<(string Name, string Value)> Facts()
    {
        Machine machine = _result.Machine;
        yield return ("taken", _result.Taken.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) + " UTC");
        yield return ("commit", _result.Commit);
        yield return ("machine", $"{machine.Processors} x {machine.Processor}, {machine.MemoryMib / 1024} GiB");
        yield return ("system", $"{machine.Distribution}, Linux {machine.Kernel}");
        yield return ("fitness", Fitness(machine));
        foreach (RuntimeRecord runtime in _result.Runtimes)
        {
            yield return (runtime.Name, runtime.Version + (runtime.Flags.Count > 0 ? ", "
                + string.Join(' ', runtime.Flags) : "")
                + (runtime.Executable != null ? ", executable " + runtime.Executable : ""));
        }

        yield return ("knobs", string.Join(", ", _result.Knobs.Where(knob => knob.Value.Length > 0)
            .Select(knob => $"{knob.Key} {knob.Value}")));
    }

    internal static IEnumerable<IReadOnlyList<string>> CapacityRows(CapacityRecord capacity) =>
        capacity.Steps.Select(step => (string[])
        [
            Figures.Of(step.Sandboxes), Figures.Of(step.MemoryMib), Figures.Of(step.ProportionalMib),
            Figures.Of(step.BusyProcessors), Figures.Of(step.ProcessesEach), Figures.Of(step.ThreadsEach),
            step.StartSeconds is double seconds ? Figures.Of(seconds) : "-",
        ]);

    internal List<string> Header() =>
    [
        "job", "unit", .. Runtimes,
        .. References.SelectMany(reference => Compared(reference), (reference, runtime) => $"{runtime} / {reference}"),
    ];

    /// <summary>A row a variant, as <see cref="Header"/> names its cells.</summary>
    internal IEnumerable<List<string>> Rows() => _result.Jobs.Select(job => (List<string>)
    [
        job.Name, job.Unit, .. Runtimes.Select(runtime => Figures.Median(job.Series.Find(each =>
            each.Runtime == runtime))),
        .. References.SelectMany(
            reference => Compared(reference), (reference, runtime) => Figures.Ratio(job, runtime, reference)),
    ]);

    internal IEnumerable<GoalRow> Goals() => _result.Jobs.SelectMany(Report.Goals.Of);

    /// <summary>The five jobs in which the best of our platforms is furthest behind the first reference.</summary>
    internal IEnumerable<(string Job, string Runtime, double Ratio)> Worst()
    {
        const int Shown = 5;
        if (References.Count == 0)
        {
            return [];
        }

        return _result.Jobs
            .SelectMany(job => job.Series, (job, series) => (Job: job, series.Runtime))
            .Where(pair => Figures.IsOurs(pair.Runtime) && pair.Job.Of(pair.Runtime) != null
                && pair.Job.Of(References[0]) != null)
            .Select(pair => (pair.Job.Name, pair.Runtime,
                Ratio: pair.Job.Performance(pair.Job.Of(pair.Runtime)!.Median, pair.Job.Of(References[0])!.Median)))
            .GroupBy(row => row.Name, (_, rows) => rows.MaxBy(row => row.Ratio))
            .OrderBy(row => row.Ratio).Take(Shown);
    }

    internal IEnumerable<(string Job, string Runtime, string Reason)> Failures() =>
        from job in _result.Jobs
        from series in job.Series
        from failure in series.Failures
        select (job.Name, series.Runtime, failure);

    /// <summary>What runtimes do not have, a row for each runtime and reason.</summary>
    internal IEnumerable<IReadOnlyList<string>> LeftOut() => _result.Jobs
        .SelectMany(job => job.Series.Where(series => series.LeftOut != null), (job, series) => (job.Name, series))
        .GroupBy(each => (each.series.Runtime, each.series.LeftOut!), each => each.Name)
        .Select(group => (string[])[string.Join(", ", group), group.Key.Runtime, group.Key.Item2]);

    private static string Fitness(Machine machine) => string.Create(
        CultureInfo.InvariantCulture,
        $"governor {machine.Governor}, {(machine.Virtual ? "a guest of a hypervisor" : "bare metal")}, ")
        + $"KVM {machine.Kvm}, "
        + string.Create(CultureInfo.InvariantCulture, $"load {machine.Load:0.0} before the run");

    private IEnumerable<string> Compared(string reference) =>
        Runtimes.Where(runtime => runtime != reference && (runtime != "native" || reference == "native"));
}
