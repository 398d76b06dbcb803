using System.Collections.Generic;
using System.Linq;
using Perf.Stats;

namespace Perf.Results;

/// <summary>What comparing two series says.</summary>
internal enum Outcome
{
    Same,
    Better,
    Worse,

    /// <summary>Too few samples to tell at the wanted level, whatever they are.</summary>
    TooFew,

    /// <summary>One of the two, or of the reference's, has no samples.</summary>
    Missing,

    /// <summary>The two are figures of different things.</summary>
    Unlike,

    /// <summary>The reference itself: how the machine changed, and no difference of a runtime.</summary>
    Reference,
}

/// <summary>
/// One series before and after. Where a reference runtime ran in the same turns, each value is taken as a part of the
/// reference's: of its value in that turn or of its median, whichever leaves the two series less spread out. What
/// changed on the machine between the two runs cancels out.
/// </summary>
internal sealed record Comparison
{
    internal required string Name { get; init; }

    internal required string Runtime { get; init; }

    internal required Outcome Outcome { get; init; }

    /// <summary>Why there is nothing to compare; else empty.</summary>
    internal string Why { get; init; } = "";

    /// <summary>The runtime whose part each value was taken as; empty if they were taken as they are.</summary>
    internal string Reference { get; init; } = "";

    /// <summary>Performance after as a part of that before; above 1 is better.</summary>
    internal double Change { get; init; } = 1;

    /// <summary>95 % interval of <see cref="Change"/>; null where there are too few samples for one.</summary>
    internal Interval? Interval { get; init; }

    /// <summary>Probability of the difference, beyond the budget, by chance.</summary>
    internal double Probability { get; init; } = 1;

    /// <summary>The part by which performance may fall.</summary>
    internal double Budget { get; init; }

    /// <summary>The runs were too far apart for a fall by twice the budget to show: that there is no alarm says
    /// nothing.</summary>
    internal bool IsBlind => Outcome == Outcome.Same
        && (Interval is not Interval interval || interval.Low < 1 - 2 * Budget);

    /// <summary>Compares a runtime of two results of one job; the runtime may have another name before. A fall by more
    /// than the budget is asked for at the level of the terms.</summary>
    internal static Comparison Of(JobResult before, JobResult after, Terms terms)
    {
        Comparison blank = Blank(before, after, terms, out double[] a, out double[] b);
        if (blank.Outcome != Outcome.Same)
        {
            return blank;
        }

        double worse = RankTest.Less(b, [.. a.Select(value => value * (1 - terms.Budget))]);
        double better = RankTest.Less([.. a.Select(value => value * (1 + terms.Budget))], b);
        return blank with
        {
            Outcome = RankTest.LeastProbability(a.Length, b.Length) >= terms.Level ? Outcome.TooFew
                : worse < terms.Level ? Outcome.Worse
                : better < terms.Level ? Outcome.Better
                : Outcome.Same,
            Probability = double.Min(worse, better),
        };
    }

    /// <summary>Compares without a budget, for a difference in either direction: which one the outcome says, and how
    /// probable it is by chance the probability, both before other comparisons are thought of.</summary>
    internal static Comparison TwoSided(JobResult before, JobResult after, Terms terms)
    {
        Comparison blank = Blank(before, after, terms, out double[] a, out double[] b);
        return blank.Outcome != Outcome.Same ? blank : blank with
        {
            Outcome = 2 * RankTest.LeastProbability(a.Length, b.Length) >= terms.Level ? Outcome.TooFew
                : RankTest.Less(b, a) < RankTest.Less(a, b) ? Outcome.Worse
                : Outcome.Better,
            Probability = RankTest.TwoSided(a, b),
        };
    }

    /// <summary>All but the test; another outcome than the same says why there is nothing to test.</summary>
    private static Comparison Blank(
        JobResult before, JobResult after, Terms terms, out double[] a, out double[] b)
    {
        string reference = terms.Reference != terms.After && before.Of(terms.Reference) != null
            && after.Of(terms.Reference) != null ? terms.Reference : "";
        Comparison blank = new()
        {
            Name = after.Name,
            Runtime = terms.After,
            Outcome = Outcome.Same,
            Reference = reference,
            Budget = terms.Budget,
        };
        a = [];
        b = [];
        if (Likeness.Of(before, after) is string unlike)
        {
            return blank with { Outcome = Outcome.Unlike, Why = unlike };
        }

        (a, b) = Performances(before, after, terms, reference);
        return a.Length == 0 || b.Length == 0
            ? blank with { Outcome = Outcome.Missing, Why = Gap(before, after, terms) }
            : blank with { Change = Order.Median(b) / Order.Median(a), Interval = Confidence.OfRatio(b, a) };
    }

    private static string Gap(JobResult before, JobResult after, Terms terms)
    {
        (JobResult Job, string Runtime, string When)[] sides =
            [(before, terms.Before, "before"), (after, terms.After, "now")];
        foreach ((JobResult job, string runtime, string when) in sides)
        {
            if (job.Of(runtime) == null)
            {
                string failure = job.Series.Find(series => series.Runtime == runtime)?.Failures.FirstOrDefault() ?? "";
                return $"{runtime} has no samples {when}" + (failure.Length > 0 ? ": " + failure : "");
            }
        }

        return $"no turn in which {terms.Reference} ran too";
    }

    /// <summary>Performances, higher is better, before and after; as parts of the reference's, if there is one.
    /// </summary>
    private static (double[] Before, double[] After) Performances(
        JobResult before, JobResult after, Terms terms, string reference)
    {
        if (reference.Length == 0)
        {
            return (Plain(before, terms.Before), Plain(after, terms.After));
        }

        (double[] Before, double[] After) turns =
            (ByTurn(before, terms.Before, reference), ByTurn(after, terms.After, reference));
        (double[] Before, double[] After) medians =
            (ByMedian(before, terms.Before, reference), ByMedian(after, terms.After, reference));
        return Spread(turns.Before) + Spread(turns.After) <= Spread(medians.Before) + Spread(medians.After)
            ? turns
            : medians;
    }

    private static double[] Plain(JobResult job, string runtime) => job.Of(runtime) is Series series
        ? [.. series.Values.Select(value => job.Performance(value, 1))]
        : [];

    /// <summary>As parts of the reference's in the same turn: right where the machine's speed drifts.</summary>
    private static double[] ByTurn(JobResult job, string runtime, string reference)
    {
        Dictionary<int, double> others =
            job.Of(reference)!.Samples.ToDictionary(sample => sample.Round, sample => sample.Value);
        return job.Of(runtime) is not Series series ? [] :
        [
            .. series.Samples.Where(sample => others.ContainsKey(sample.Round))
                .Select(sample => job.Performance(sample.Value, others[sample.Round])),
        ];
    }

    /// <summary>As parts of the median of the reference's: right where each run is disturbed by itself, so that the
    /// reference of the same turn would only add its own disturbance.</summary>
    private static double[] ByMedian(JobResult job, string runtime, string reference)
    {
        double median = job.Of(reference)!.Median;
        return job.Of(runtime) is Series series
            ? [.. series.Values.Select(value => job.Performance(value, median))]
            : [];
    }

    /// <summary>How far apart the quartiles lie, as a part of the median.</summary>
    private static double Spread(double[] values) => values.Length == 0
        ? 0
        : (Order.Quantile(values, 0.75) - Order.Quantile(values, 0.25)) / Order.Median(values);
}

/// <summary>How a comparison is made: the runtime's names, the reference or "", the part by which performance may
/// fall, and the level of the test.</summary>
internal readonly record struct Terms(string Before, string After, string Reference, double Budget, double Level);
