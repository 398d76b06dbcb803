using System.Collections.Generic;

namespace Perf.Suites;

/// <summary>Which way a metric is good.</summary>
internal enum Better
{
    Higher,
    Lower,
}

/// <summary>Where a job's measure comes from.</summary>
internal enum Measure
{
    /// <summary>The tool prints it; a parser reads it.</summary>
    Tool,

    /// <summary>How long the command takes, by a clock inside the runtime.</summary>
    Inside,

    /// <summary>How long the runtime takes from its start to its end, by a clock outside.</summary>
    Outside,

    /// <summary>As Outside, of a container that is created, started, waited for and deleted by commands of the
    /// runtime, step by step.</summary>
    Life,

    /// <summary>What all processes of the runtime hold while the command waits.</summary>
    Memory,
}

/// <summary>What of the runtime and of the root is in the page cache when a clock outside starts.</summary>
internal enum PageCache
{
    /// <summary>Whatever the start before left there.</summary>
    Warm,

    /// <summary>Neither the runtime's executable nor any file of the root.</summary>
    Cold,
}

/// <summary>A value that an axis can take: its name in reports and the text that goes into the command.</summary>
internal readonly record struct AxisValue(string Name, string Text);

/// <summary>One dimension of a job's variants. The first value is the usual one.</summary>
internal sealed record Axis(string Name, IReadOnlyList<AxisValue> Values);

/// <summary>A runtime's performance below a part of another's.</summary>
internal sealed record Shortfall(string Of, double Below);

/// <summary>What a variant should reach: a performance ratio to another runtime, perhaps only where that one itself
/// falls short of a third; or an absolute limit.</summary>
internal sealed record Goal(
    IReadOnlyDictionary<string, string> When, string? Than, double Value, Shortfall? Where = null);

/// <summary>Variants that a runtime does not have, and why.</summary>
internal sealed record Absence(IReadOnlyDictionary<string, string> When, string Runtime, string Why);

/// <summary>One folder of <c>fio-suites</c>: a tool, its arguments, and how its output is read.</summary>
internal sealed record Job
{
    internal required string Name { get; init; }

    internal required string Suite { get; init; }

    internal required string Summary { get; init; }

    /// <summary>Host folder, seen as <c>/job</c> inside.</summary>
    internal required string Folder { get; init; }

    /// <summary>Words; <c>{axis}</c> stands for the variant's value, the word <c>{axis*}</c> for those of all variants
    /// that run together, a word each.</summary>
    internal required IReadOnlyList<string> Command { get; init; }

    internal required Measure Measure { get; init; }

    /// <summary>Name of the parser of the tool's output.</summary>
    internal required string Parser { get; init; }

    /// <summary>Which of the tool's figures counts, for memory its kind, for a life its step; <c>{axis}</c> as in the
    /// command.</summary>
    internal required string Metric { get; init; }

    internal required string Unit { get; init; }

    internal required Better Better { get; init; }

    internal required IReadOnlyList<Axis> Axes { get; init; }

    /// <summary>The variants that run unless all are asked for: values by axis, the first value where none is
    /// given.</summary>
    internal required IReadOnlyList<IReadOnlyDictionary<string, string>> Usual { get; init; }

    /// <summary>The axis whose variants one run measures together, because the tool tells all of their figures; empty
    /// if each variant has a run of its own.</summary>
    internal required string Shared { get; init; }

    /// <summary>Files that the root must have.</summary>
    internal required IReadOnlyList<string> Needs { get; init; }

    internal required IReadOnlyList<Goal> Goals { get; init; }

    /// <summary>Seconds after which a run is ended and counted as failed.</summary>
    internal required int TimeoutSeconds { get; init; }

    /// <summary>For a clock outside: starts in one run, whose median is the run's value.</summary>
    internal required int Repeat { get; init; }

    /// <summary>For a clock outside: <see cref="PageCache"/>; <c>{axis}</c> as in the command.</summary>
    internal string Cache { get; init; } = nameof(PageCache.Warm);

    internal IReadOnlyList<Absence> Absences { get; init; } = [];
}
