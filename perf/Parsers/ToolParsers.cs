using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using Perf.Stats;

namespace Perf.Parsers;

/// <summary>What a run of a tool said: the figure that counts, and its latencies where the tool tells them.</summary>
internal readonly record struct Reading(double Value, Histogram? Latency = null)
{
    /// <summary>Every measure is a positive number: a rate of nothing is a tool that did not work, and ratios to it
    /// are none.</summary>
    internal bool IsFigure => double.IsFinite(Value) && Value > 0;
}

/// <summary>
/// Reads one figure from what a tool printed on standard output. An output that it does not understand is a
/// <see cref="FormatException"/>: a job without a figure has failed.
/// </summary>
internal delegate Reading ToolParser(string output, string metric);

/// <summary>The known tools.</summary>
internal static class ToolParsers
{
    private static readonly Dictionary<string, ToolParser> All = new()
    {
        ["calls"] = CallsParser.Parse,
        ["fio"] = FioParser.Parse,
        ["hackbench"] = (output, _) => new(Number(output, @"^Time: ([0-9.]+)$")),
        ["pattern"] = (output, metric) => new(Number(output, metric)),
        ["redis-benchmark"] = RedisParser.Parse,
        ["stopwatch"] = StopwatchParser.Parse,
        ["stress-ng"] = StressParser.Parse,
        ["sysbench"] = SysbenchParser.Parse,
    };

    internal static IEnumerable<string> Names => All.Keys.Order(StringComparer.Ordinal);

    internal static ToolParser Find(string name) => All[name];

    /// <summary>The number that the first group of a pattern matches; the pattern's ^ and $ are those of a
    /// line.</summary>
    internal static double Number(string output, string pattern)
    {
        Match match = Regex.Match(output, pattern, RegexOptions.Multiline, TimeSpan.FromSeconds(5));
        return match.Success && TryNumber(match.Groups[1].Value, out double value)
            ? value
            : throw new FormatException($"nothing in the output matches {pattern}");
    }

    /// <summary>A finite number as tools print it.</summary>
    internal static bool TryNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
