using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Perf.Results;

/// <summary>Holds a result to a budget against a baseline. What the budget names has to be on both sides: what one of
/// them lacks fails, it is not left out.</summary>
internal sealed class Gate(Budget budget)
{
    /// <summary>Every variant of the budget's suites that either result has, in every gated runtime; with
    /// <paramref name="only"/> that variant alone. In <paramref name="before"/> a runtime is called what
    /// <paramref name="nameBefore"/> makes of its name.</summary>
    internal List<Comparison> Compare(
        ResultFile before, ResultFile after, Func<string, string> nameBefore, string only = "")
    {
        List<string> names = [.. before.Jobs.Concat(after.Jobs).Where(IsAsked).Select(job => job.Name)
            .Where(name => only.Length == 0 || name == only).Distinct()];
        int all = names.Count * budget.Runtimes.Length;
        return
        [
            .. names.SelectMany(_ => budget.Runtimes, (name, runtime) => One(
                before.Find(name), after.Find(name), name, new(
                    nameBefore(runtime), runtime, budget.Reference, budget.Of(name), budget.Level / all))),
        ];
    }

    /// <summary>Why nothing can be held against this baseline, in words; <paramref name="isHere"/> says of a runtime
    /// whose calls are counted whether this machine has it.</summary>
    internal IEnumerable<string> Unfit(ResultFile before, Func<string, bool> isHere)
    {
        List<JobResult> jobs = [.. before.Jobs.Where(IsAsked)];
        if (jobs.Count == 0)
        {
            yield return "the baseline has no job of the budget's suites";
        }

        if (budget.Reference.Length > 0 && jobs.Exists(job => job.Of(budget.Reference) == null))
        {
            yield return $"the baseline lacks {budget.Reference}, without which nobody knows how fast the machine was";
        }

        foreach (string runtime in budget.Counted.Where(isHere))
        {
            if (!before.Counts.Exists(count => count.Name.StartsWith(runtime + " ", StringComparison.Ordinal)))
            {
                yield return $"the baseline has no counts of {runtime}";
            }
        }
    }

    /// <summary>Counts that rose, or that only one of the two has, in words, of the runtimes that this machine
    /// has.</summary>
    internal static IEnumerable<string> Counts(
        IEnumerable<CountRecord> before, List<CountRecord> after, Func<string, bool> isHere)
    {
        List<CountRecord> first = [.. before.Where(count => isHere(count.Name.Split(' ')[0]))];
        foreach (CountRecord count in first)
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

        foreach (CountRecord count in after.Where(count => !first.Exists(each => each.Name == count.Name)))
        {
            yield return $"{count.Name}: {Text(count.Value)}, and the baseline has no such count";
        }
    }

    /// <summary>Why a comparison fails the gate; null if it does not.</summary>
    internal static string? Reason(Comparison comparison)
    {
        string where = $"{comparison.Name} in {comparison.Runtime}: ";
        return comparison.Outcome switch
        {
            Outcome.Worse => where + string.Create(
                CultureInfo.InvariantCulture, $"{(1 - comparison.Change) * 100:0.0} % slower{Reach(comparison)}; ")
                + string.Create(
                    CultureInfo.InvariantCulture,
                    $"the budget is {comparison.Budget * 100:0.#} %, by chance p = {comparison.Probability:0.0000}"),
            Outcome.Missing or Outcome.Unlike => where + comparison.Why,
            Outcome.TooFew => where + "too few samples to tell; raise \"runs\"",
            _ => null,
        };
    }

    private static string Reach(Comparison comparison) => comparison.Interval is Stats.Interval interval
        ? string.Create(
            CultureInfo.InvariantCulture,
            $" (95 %: {(1 - interval.High) * 100:0.0} to {(1 - interval.Low) * 100:0.0} %)")
        : "";

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private bool IsAsked(JobResult job) =>
        budget.Suites.Any(name => name == "all" || name == job.Suite || name == job.Name || name == job.Name.Split(
            ' ')[0]);

    private Comparison One(JobResult? before, JobResult? after, string name, Terms terms)
    {
        string why = before == null ? "the baseline does not have it"
            : after == null ? "the baseline has it, and it was not measured now"
            : budget.Reference.Length > 0 && before.Of(budget.Reference) == null
                ? $"the baseline has no samples of {budget.Reference}"
            : budget.Reference.Length > 0 && after.Of(budget.Reference) == null
                ? $"{budget.Reference} has no samples now"
            : "";
        return why.Length == 0 ? Comparison.Of(before!, after!, terms) : new()
        {
            Name = name,
            Runtime = terms.After,
            Outcome = Outcome.Missing,
            Why = why,
            Budget = terms.Budget,
        };
    }
}
