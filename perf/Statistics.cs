using System.Collections.Generic;

namespace Perf;

/// <summary>What is quoted of several runs.</summary>
internal static class Statistics
{
    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    internal static double Median(List<double> values)
    {
        List<double> sorted = [.. values];
        sorted.Sort();
        int middle = sorted.Count / 2;
        return sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
