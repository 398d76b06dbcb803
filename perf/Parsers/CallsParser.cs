using System;
using System.Collections.Generic;
using System.Linq;

namespace Perf.Parsers;

/// <summary>
/// Our own <c>perf/guest/calls -t</c>: <c>KIND ROUNDS NANOSECONDS WANTED</c>, one line a slice. Metrics:
/// <c>KIND.ns</c>, the median nanoseconds of a round over the slices; <c>KIND.fastest</c>, those of the fastest
/// slice, which what else runs on the machine touches least; and <c>KIND.trimmed</c>, their mean but for the
/// slowest quarter, which moves little where slices are of two speeds. A slice that lasted far less than was wanted
/// says nothing: its few rounds may all be cold, or all lucky.
/// </summary>
internal static class CallsParser
{
    /// <summary>The part of the wanted time that a slice lasts at least.</summary>
    private const double Share = 0.25;

    internal static Reading Parse(string output, string metric)
    {
        int dot = metric.LastIndexOf('.');
        string kind = metric[..Math.Max(dot, 0)];
        List<double> perRound = [];
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            (string name, double rounds, double nanoseconds, double wanted) = Slice(line);
            if (name != kind)
            {
                continue;
            }

            if (nanoseconds < wanted * Share)
            {
                throw new FormatException(
                    $"calls: a slice of {kind} was to last {wanted:0} ns and lasted {nanoseconds:0}");
            }

            perRound.Add(nanoseconds / rounds);
        }

        return perRound.Count == 0
            ? throw new FormatException($"calls printed nothing of {kind}")
            : metric[(dot + 1)..] switch
            {
                "ns" => new(Stats.Order.Median(perRound)),
                "fastest" => new(Stats.Order.Quantile(perRound, 0)),
                "trimmed" => new(perRound.Order().Take(Math.Max(1, perRound.Count * 3 / 4)).Average()),
                _ => throw new FormatException($"calls: no metric '{metric}'"),
            };
    }

    private static (string Name, double Rounds, double Nanoseconds, double Wanted) Slice(string line)
    {
        string[] words = line.Split(' ');
        return words.Length == 4 && ToolParsers.TryNumber(words[1], out double rounds) && rounds > 0
            && ToolParsers.TryNumber(words[2], out double nanoseconds) && nanoseconds > 0
            && ToolParsers.TryNumber(words[3], out double wanted) && wanted >= 0
            ? (words[0], rounds, nanoseconds, wanted)
            : throw new FormatException($"calls: not understood: {line}");
    }
}
