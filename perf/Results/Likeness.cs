using System.Collections.Generic;
using System.Linq;

namespace Perf.Results;

/// <summary>What keeps two results from being compared, in words.</summary>
internal static class Likeness
{
    /// <summary>The knobs that a figure depends on; how often and what else was measured is not among them.</summary>
    private static readonly string[] Knobs = ["cpus", "warmUps"];

    /// <summary>In what the machines and the knobs differ.</summary>
    internal static IEnumerable<string> Differences(ResultFile before, ResultFile after) =>
        Machine.Differences(before.Machine, after.Machine).Concat(
            from name in Knobs
            let first = before.Knobs.GetValueOrDefault(name, "")
            let second = after.Knobs.GetValueOrDefault(name, "")
            where first != second
            select $"{name}: \"{first}\" before, \"{second}\" after");

    /// <summary>Why the figures of one job are not of one kind; null if they are.</summary>
    internal static string? Of(JobResult before, JobResult after) =>
        before.Unit != after.Unit ? $"in {before.Unit} before, in {after.Unit} after"
        : before.Better != after.Better ? $"{before.Better} was better before, {after.Better} is after"
        : before.Definition != null && after.Definition != null && before.Definition != after.Definition
            ? "the job was another one"
        : null;
}
