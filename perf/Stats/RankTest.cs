using System;
using System.Collections.Generic;
using System.Linq;
using MathNet.Numerics;

namespace Perf.Stats;

/// <summary>
/// The test of Mann and Whitney ("On a test of whether one of two random variables is stochastically larger than the
/// other", 1947): exact for small samples without ties, otherwise the normal approximation with its corrections for
/// ties and continuity.
/// </summary>
internal static class RankTest
{
    private const int ExactLimit = 40;

    /// <summary>Probability of samples at least as far apart, in either direction, if both come from one
    /// source.</summary>
    internal static double TwoSided(double[] a, double[] b) => Math.Min(1, 2 * Math.Min(Less(a, b), Less(b, a)));

    /// <summary>Probability that <paramref name="a"/> lies as far below <paramref name="b"/> as it does if both come
    /// from one source.</summary>
    internal static double Less(double[] a, double[] b)
    {
        double u = 0;
        bool ties = false;
        foreach (double x in a)
        {
            foreach (double y in b)
            {
                u += x > y ? 1 : x == y ? 0.5 : 0;
                ties |= x == y;
            }
        }

        bool exact = !ties && a.Length <= ExactLimit && b.Length <= ExactLimit;
        return exact ? Exact(a.Length, b.Length, (int)u) : Approximate(a, b, u);
    }

    /// <summary>The least probability that samples of these sizes can have: with fewer, a test at that level can never
    /// tell them apart.</summary>
    internal static double LeastProbability(int n, int m) => Exact(n, m, 0);

    /// <summary>How many of the values of U, from 0 on, have at most this probability together.</summary>
    internal static int Critical(int n, int m, double tail)
    {
        double[] counts = Orders(n, m);
        double sum = counts.Sum();
        double below = 0;
        int values = 0;
        while (values < counts.Length && (below + counts[values]) / sum <= tail)
        {
            below += counts[values];
            values++;
        }

        return values;
    }

    /// <summary>P(U &lt;= u).</summary>
    private static double Exact(int n, int m, int u)
    {
        double[] counts = Orders(n, m);
        return counts[..Math.Min(u + 1, counts.Length)].Sum() / counts.Sum();
    }

    /// <summary>
    /// The number of orders with each U: the coefficients of the Gaussian binomial, the product over i = 1..n of
    /// (1 - q^(m+i)) / (1 - q^i).
    /// </summary>
    private static double[] Orders(int n, int m)
    {
        double[] counts = new double[n * m + 1];
        counts[0] = 1;
        for (int i = 1; i <= n; i++)
        {
            for (int at = counts.Length - 1; at >= m + i; at--)
            {
                counts[at] -= counts[at - m - i];
            }

            for (int at = i; at < counts.Length; at++)
            {
                counts[at] += counts[at - i];
            }
        }

        return counts;
    }

    private static double Approximate(double[] a, double[] b, double u)
    {
        double n = a.Length;
        double m = b.Length;
        double all = n + m;
        Dictionary<double, int> groups = [];
        foreach (double x in (double[])[.. a, .. b])
        {
            groups[x] = groups.GetValueOrDefault(x) + 1;
        }

        double tied = 0;
        foreach (double count in groups.Values)
        {
            tied += count * count * count - count;
        }

        double variance = n * m / 12 * (all + 1 - tied / (all * (all - 1)));
        if (variance <= 0)
        {
            return 1;
        }

        double z = (u + 0.5 - n * m / 2) / Math.Sqrt(variance);
        return 0.5 * SpecialFunctions.Erfc(-z / Math.Sqrt(2));
    }
}
