using System.Collections.Generic;
using System.Linq;

namespace Perf.Results;

/// <summary>
/// Every runtime of every job that two results have, and which of them differ: tested in both directions, with the
/// procedure of Benjamini and Hochberg ("Controlling the False Discovery Rate", 1995) over all rows, so that of the
/// differences named no more than one in twenty is expected to be chance, however many rows there are.
/// </summary>
internal static class Differences
{
    internal const double Level = 0.05;

    internal static List<Comparison> Of(ResultFile before, ResultFile after, string reference)
    {
        List<Comparison> rows = [];
        foreach (JobResult job in after.Jobs)
        {
            JobResult? first = before.Find(job.Name);
            IEnumerable<string> runtimes = job.Series.Select(series => series.Runtime)
                .Where(runtime => job.Of(runtime) != null && first?.Of(runtime) != null);
            foreach (string runtime in runtimes)
            {
                Comparison row = Comparison.TwoSided(first!, job, new(runtime, runtime, reference, 0, Level));
                rows.Add(runtime == reference && row.Outcome != Outcome.Unlike
                    ? row with { Outcome = Outcome.Reference }
                    : row);
            }
        }

        double named = Named([.. rows.Where(IsTested).Select(row => row.Probability)]);
        return [.. rows.Select(row => IsTested(row) && row.Probability > named
            ? row with { Outcome = Outcome.Same }
            : row)];
    }

    /// <summary>The largest of these probabilities that still counts as a difference; below 0 if none does.</summary>
    internal static double Named(List<double> probabilities)
    {
        double largest = -1;
        probabilities.Sort();
        for (int i = 0; i < probabilities.Count; i++)
        {
            largest = probabilities[i] <= Level * (i + 1) / probabilities.Count ? probabilities[i] : largest;
        }

        return largest;
    }

    private static bool IsTested(Comparison row) => row.Outcome is Outcome.Better or Outcome.Worse;
}
