using System;
using System.Collections.Generic;
using Perf.Stats;

namespace Perf.Parsers;

/// <summary>
/// Lines <c>elapsed-us N</c>, which the harness's own clock prints, or a job that sets up before it measures. The
/// value is
/// the median in milliseconds; all of them are the latencies.
/// </summary>
internal static class StopwatchParser
{
    internal const string Mark = "elapsed-us ";

    private const double MicrosecondsPerMillisecond = 1e3;
    private const long NanosecondsPerMicrosecond = 1_000;
    private const long MostMicroseconds = long.MaxValue / NanosecondsPerMicrosecond;

    internal static Reading Parse(string output, string metric) => Times(output, Mark);

    /// <summary>The numbers of the lines that begin with a mark, in microseconds.</summary>
    internal static Reading Times(string output, string mark)
    {
        List<double> milliseconds = [];
        Histogram latency = new();
        foreach (string line in output.Split('\n'))
        {
            if (!line.StartsWith(mark, StringComparison.Ordinal))
            {
                continue;
            }

            if (!long.TryParse(line.AsSpan(mark.Length), out long microseconds)
                || microseconds is < 0 or > MostMicroseconds)
            {
                throw new FormatException($"stopwatch: not understood: {line}");
            }

            milliseconds.Add(microseconds / MicrosecondsPerMillisecond);
            latency.Record(microseconds * NanosecondsPerMicrosecond);
        }

        return milliseconds.Count > 0
            ? new(Order.Median(milliseconds), latency)
            : throw new FormatException($"the stopwatch printed no {mark}TIME");
    }
}
