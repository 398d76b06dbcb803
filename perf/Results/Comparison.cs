using System.Collections.Generic;
using System.Linq;
using Perf.Stats;
using Perf.Suites;

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
/// reference's in that turn: what changed on the machine between the two runs cancels out.
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

    /// <summary>Compares a runtime of two results of one job; the runtime may have another name before.</summary>
    internal static Comparison Of(JobResult before, JobResult after, Terms terms)
    {
        string reference = before.Of(terms.Reference) != null && after.Of(terms.Reference) != null ? terms.Reference
            : "";
        double[] a = Performances(before, terms.Before, reference);
        double[] b = Performances(after, terms.After, reference);
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

    /// <summary>Higher is better; as parts of the reference's of the same turn, if there is one.</summary>
    private static double[] Performances(JobResult job, string runtime, string reference)
    {
        if (job.Of(runtime) is not Series series)
        {
            return [];
        }

        Dictionary<int, double>? others = reference.Length == 0 || reference == runtime
            ? null
            : job.Of(reference)!.Samples.ToDictionary(sample => sample.Round, sample => sample.Value);
        return
        [
            .. series.Samples.Where(sample => others == null || others.ContainsKey(sample.Round))
                .Select(sample => job.Better == Better.Higher
                    ? sample.Value / (others?[sample.Round] ?? 1)
                    : (others?[sample.Round] ?? 1) / sample.Value),
        ];
    }
}

/// <summary>How a comparison is made: the runtime's names, the reference or "", the part by which performance may
/// fall, and
/// the level of the test.</summary>
internal readonly record struct Terms(string Before, string After, string Reference, double Budget, double Level);
