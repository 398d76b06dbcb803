using System;

namespace Perf.Parsers;

/// <summary>
/// Our own <c>perf/guest/calls -t</c>: <c>KIND ROUNDS NANOSECONDS</c>, one line a slice. Metrics: <c>ns</c>, the
/// median nanoseconds of a round over the slices, and <c>fastest</c>, those of the fastest slice, which what else
/// runs on the
/// machine touches least.
/// </summary>
internal static class CallsParser
{
    internal static Reading Parse(string output, string metric)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        double[] perRound = new double[lines.Length];
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split(' ');
            if (words.Length != 3 || !ToolParsers.TryNumber(words[1], out double rounds) || rounds <= 0
                || !ToolParsers.TryNumber(words[2], out double nanoseconds))
            {
                throw new FormatException($"calls: not understood: {lines[i]}");
            }

            perRound[i] = nanoseconds / rounds;
        }

        return perRound.Length == 0
            ? throw new FormatException("calls printed nothing")
            : metric switch
            {
                "ns" => new(Stats.Order.Median(perRound)),
                "fastest" => new(Stats.Order.Quantile(perRound, 0)),
                _ => throw new FormatException($"calls: no metric '{metric}'"),
            };
    }
}
