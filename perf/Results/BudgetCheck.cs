using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf.Results;

/// <summary>Whether a budget asks for what there is, in numbers that mean something.</summary>
internal static class BudgetCheck
{
    /// <summary>A <see cref="FormatException"/> names the first thing that is wrong.</summary>
    internal static void Whole(Budget budget, IReadOnlyList<Job> jobs)
    {
        HashSet<string> variants =
            [.. jobs.SelectMany(job => Variant.Of(job, Selection.All)).Select(variant => variant.FullName)];
        HashSet<string> names = [.. jobs.Select(job => job.Name)];
        HashSet<string> suites = [.. jobs.Select(job => job.Suite), "all"];
        CheckNames("suites", budget.Suites,
            name => suites.Contains(name) || names.Contains(name) || variants.Contains(name),
            "is no suite, job or variant; perf list shows them");
        CheckNames("runtimes", budget.Runtimes, name => name == "runc" || RuntimeSpec.IsOwn(name),
            "is neither runc nor runsc-PLATFORM");
        Check(budget.Suites.Length > 0, "suites: none");
        Check(budget.Runtimes.Length > 0, "runtimes: none");
        CheckNames("counted", budget.Counted, RuntimeSpec.IsOwn, "is no runsc-PLATFORM");
        Check(budget.Reference is "" or "native" or "runc", $"reference: '{budget.Reference}' is neither native nor "
            + "runc, nor empty for none");
        Check(!budget.Runtimes.Contains(budget.Reference),
            $"reference: {budget.Reference} is held to the budget itself");
        Check(budget.Runs >= 1, Text($"runs: {budget.Runs} is none"));
        Check(budget.Level is > 0 and < 1, Text($"level: {budget.Level} is not between 0 and 1"));
        CheckPart("slowdown", budget.Slowdown);
        foreach ((string name, double part) in budget.Jobs)
        {
            Check(names.Contains(name) || variants.Contains(name),
                $"jobs: '{name}' is no job or variant; perf list shows them");
            CheckPart($"jobs: {name}", part);
        }
    }

    private static void CheckNames(string member, string[] given, Func<string, bool> isKnown, string what)
    {
        foreach (string? name in given)
        {
            Check(name != null && isKnown(name), $"{member}: '{name}' {what}");
            Check(given.Count(other => other == name) == 1, $"{member}: '{name}' is there twice");
        }
    }

    /// <summary>A part by which performance may fall: all of it cannot.</summary>
    private static void CheckPart(string where, double part) =>
        Check(part is >= 0 and < 1, Text($"{where}: {part} is not a part from 0 to below 1"));

    private static void Check(bool holds, string message)
    {
        if (!holds)
        {
            throw new FormatException(message);
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
