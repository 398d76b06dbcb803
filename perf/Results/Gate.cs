using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Perf.Results;

/// <summary>Holds a result to a budget against a baseline.</summary>
internal sealed class Gate(Budget budget)
{
    /// <summary>Every variant that both results have, in every gated runtime. In <paramref name="before"/> a runtime is
    /// called what <paramref name="nameBefore"/> makes of its name.</summary>
    internal List<Comparison> Compare(ResultFile before, ResultFile after, Func<string, string> nameBefore)
    {
        List<(JobResult Before, JobResult After, string Runtime)> pairs =
        [
            .. after.Jobs.Where(job => before.Find(job.Name) != null)
                .SelectMany(job => budget.Runtimes, (job, runtime) => (before.Find(job.Name)!, job, runtime))
                .Where(pair => pair.Item1.Series.Exists(series => series.Runtime == nameBefore(pair.runtime))),
        ];
        return
        [
            .. pairs.Select(pair => Comparison.Of(pair.Before, pair.After, new(
                nameBefore(pair.Runtime), pair.Runtime, budget.Reference, budget.Of(pair.After.Name),
                budget.Level / pairs.Count))),
        ];
    }

    /// <summary>Counts that rose, or that are no longer measured, in words.</summary>
    internal static IEnumerable<string> Counts(IEnumerable<CountRecord> before, List<CountRecord> after)
    {
        foreach (CountRecord count in before)
        {
            CountRecord? now = after.Find(each => each.Name == count.Name);
            if (now == null)
            {
                yield return $"{count.Name}: was {Text(count.Value)} and is no longer counted";
            }
            else if (now.Value > count.Value)
            {
                yield return $"{count.Name}: {Text(now.Value)}, was {Text(count.Value)}; counts are compared exactly";
            }
        }
    }

    /// <summary>Why a comparison fails the gate; null if it does not.</summary>
    internal static string? Reason(Comparison comparison) => comparison.Outcome switch
    {
        Outcome.Worse => string.Create(
            CultureInfo.InvariantCulture,
            $"{comparison.Name} in {comparison.Runtime}: {(1 - comparison.Change) * 100:0.0} % slower")
            + string.Create(
                CultureInfo.InvariantCulture,
                $" (95 %: {(1 - comparison.Interval.High) * 100:0.0} to {(1 - comparison.Interval.Low) * 100:0.0} %)")
            + string.Create(
                CultureInfo.InvariantCulture,
                $"; the budget is {comparison.Budget * 100:0.#} %, by chance p = {comparison.Probability:0.0000}"),
        Outcome.Missing => $"{comparison.Name} in {comparison.Runtime}: no samples; it failed, or was not run",
        Outcome.TooFew => $"{comparison.Name} in {comparison.Runtime}: too few samples to tell; raise \"runs\"",
        _ => null,
    };

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
