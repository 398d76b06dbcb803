using System;
using System.Collections.Generic;

namespace Perf.Parsers;

/// <summary>
/// Our own <c>perf/guest/calls -t</c>: <c>KIND ROUNDS NANOSECONDS</c>, one line a slice. Metrics: <c>KIND.ns</c>, the
/// median nanoseconds of a round over the slices, and <c>KIND.fastest</c>, those of the fastest slice, which what else
/// runs on the machine touches least.
/// </summary>
internal static class CallsParser
{
    internal static Reading Parse(string output, string metric)
    {
        int dot = metric.LastIndexOf('.');
        string kind = metric[..Math.Max(dot, 0)];
        List<double> perRound = [];
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split(' ');
            if (words.Length != 3 || !ToolParsers.TryNumber(words[1], out double rounds) || rounds <= 0
                || !ToolParsers.TryNumber(words[2], out double nanoseconds))
            {
                throw new FormatException($"calls: not understood: {line}");
            }

            if (words[0] == kind)
            {
                perRound.Add(nanoseconds / rounds);
            }
        }

        return perRound.Count == 0
            ? throw new FormatException($"calls printed nothing of {kind}")
            : metric[(dot + 1)..] switch
            {
                "ns" => new(Stats.Order.Median(perRound)),
                "fastest" => new(Stats.Order.Quantile(perRound, 0)),
                _ => throw new FormatException($"calls: no metric '{metric}'"),
            };
    }
}
