using System;
using System.Text.RegularExpressions;

namespace Perf.Parsers;

/// <summary>stress-ng's <c>--metrics-brief</c>: bogo operations a second of real time. The metric is the stressor's
/// name.</summary>
internal static class StressParser
{
    /// <summary>Of the numbers after the stressor's name: operations, three times, then the rate.</summary>
    private const string BeforeRate = @"\s+[0-9]+\s+[0-9.]+\s+[0-9.]+\s+[0-9.]+\s+([0-9.]+)";

    internal static Reading Parse(string output, string metric)
    {
        double rate = ToolParsers.Number(output, @"\] " + Regex.Escape(metric) + BeforeRate);
        return rate > 0 ? new(rate) : throw new FormatException($"stress-ng did no work as {metric}");
    }
}
