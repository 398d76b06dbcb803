using System;
using System.Text.RegularExpressions;
using Perf.Stats;

namespace Perf.Parsers;

/// <summary>
/// redis-benchmark's long output. The metric is a test's name, <c>GET</c>; its value is requests a second, its
/// latencies are the "Latency by percentile distribution", whose cumulative counts are exact.
/// </summary>
internal static class RedisParser
{
    private const double NanosecondsPerMillisecond = 1e6;

    private static readonly Regex Row =
        new(@"^[0-9.]+% <= ([0-9.]+) milliseconds \(cumulative count ([0-9]+)\)\r?$", RegexOptions.Multiline);

    internal static Reading Parse(string output, string metric)
    {
        // Progress is written over and over on one line, which ends with the title.
        int start = output.IndexOf($"====== {metric} ======", StringComparison.Ordinal);
        if (start < 0)
        {
            throw new FormatException($"redis-benchmark printed no test {metric}");
        }

        int end = output.IndexOf("====== ", start + 14 + metric.Length, StringComparison.Ordinal);
        string part = end < 0 ? output[start..] : output[start..end];
        double rate = ToolParsers.Number(part, @"throughput summary: ([0-9.]+) requests per second");
        return new(rate, Latency(part));
    }

    private static Histogram? Latency(string part)
    {
        int start = part.IndexOf("Latency by percentile distribution:", StringComparison.Ordinal);
        int end = part.IndexOf("Cumulative distribution of latencies:", StringComparison.Ordinal);
        if (start < 0 || end < start)
        {
            return null;
        }

        Histogram latency = new();
        long before = 0;
        foreach (Match row in Row.Matches(part[start..end]))
        {
            if (!ToolParsers.TryNumber(row.Groups[1].Value, out double milliseconds)
                || !long.TryParse(row.Groups[2].Value, out long count) || count < before)
            {
                throw new FormatException($"redis-benchmark: not understood: {row.Value}");
            }

            latency.Record((long)(milliseconds * NanosecondsPerMillisecond), count - before);
            before = count;
        }

        return latency.Count > 0 ? latency : null;
    }
}
