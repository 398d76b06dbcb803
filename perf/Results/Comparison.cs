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

    /// <summary>One of the two has no samples.</summary>
    Missing,
}

/// <summary>
/// One series before and after. Where a reference runtime ran in the same turns, each value is taken as a part of the
/// reference's: of its value in that turn or of its median, whichever leaves the two series less spread out. What
/// changed
/// on the machine between the two runs cancels out.
/// </summary>
internal sealed record Comparison
{
    internal required string Name { get; init; }

    internal required string Runtime { get; init; }

    internal required Outcome Outcome { get; init; }

    /// <summary>Performance after as a part of that before; above 1 is better.</summary>
    internal double Change { get; init; } = 1;

    /// <summary>95 % interval of <see cref="Change"/>.</summary>
    internal Interval Interval { get; init; } = new(1, 1);

    /// <summary>Probability of the difference, beyond the budget, by chance.</summary>
    internal double Probability { get; init; } = 1;

    /// <summary>The part by which performance may fall.</summary>
    internal double Budget { get; init; }

    /// <summary>The runs were too far apart for a fall by twice the budget to show: that there is no alarm says
    /// nothing.</summary>
    internal bool IsBlind => Outcome == Outcome.Same && Interval.Low < 1 - 2 * Budget;

    /// <summary>Compares a runtime of two results of one job; the runtime may have another name before.</summary>
    internal static Comparison Of(JobResult before, JobResult after, Terms terms)
    {
        string reference = before.Of(terms.Reference) != null && after.Of(terms.Reference) != null ? terms.Reference
            : "";
        (double[] a, double[] b) = Performances(before, after, terms, reference);
        Comparison blank = new()
        {
            Name = after.Name,
            Runtime = terms.After,
            Outcome = Outcome.Missing,
            Budget = terms.Budget,
        };
        if (a.Length == 0 || b.Length == 0)
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
            Change = Order.Median(b) / Order.Median(a),
            Interval = Bootstrap.OfRatio(b, a),
            Probability = double.Min(worse, better),
        };
    }

    /// <summary>Performances, higher is better, before and after; as parts of the reference's, if there is one.
    /// </summary>
    private static (double[] Before, double[] After) Performances(
        JobResult before, JobResult after, Terms terms, string reference)
    {
        if (reference.Length == 0 || reference == terms.After)
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
/// fall, and
/// the level of the test.</summary>
internal readonly record struct Terms(string Before, string After, string Reference, double Budget, double Level);
