using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Perf.Profile;

/// <summary>System calls of one name that reached the Sentry, and the managed bytes they took.</summary>
internal readonly record struct CallCount(string Name, long Calls, long Bytes);

/// <summary>
/// What the Sentry writes at the end of its debug log: calls and bytes by name (with <c>--count-calls</c>), and by
/// which ways calls came (systrap).
/// </summary>
internal sealed class CallCounts
{
    /// <summary>The way that is none: how often the virtual machine was left, on KVM.</summary>
    internal const string Exits = "exits";

    private CallCounts(List<CallCount> calls, Dictionary<string, long> ways)
    {
        Calls = calls;
        Ways = ways;
    }

    /// <summary>The most frequent first.</summary>
    internal IReadOnlyList<CallCount> Calls { get; }

    /// <summary>System calls by the way they came: "answered in the stub", "by patched sites", "by signals".</summary>
    internal IReadOnlyDictionary<string, long> Ways { get; }

    /// <summary>Lines "TIME ms calls NAME CALLS BYTES", "TIME ms kvm: N exits" and "TIME ms systrap: N calls WAY, N
    /// WAY, N WAY".</summary>
    internal static CallCounts Read(TextReader log)
    {
        List<CallCount> calls = [];
        Dictionary<string, long> ways = [];
        for (string? line = log.ReadLine(); line != null; line = log.ReadLine())
        {
            string[] words = line.Split(' ', 4);
            if (words.Length == 4 && words[1] == "ms" && words[2] == "calls")
            {
                string[] fields = words[3].Split(' ');
                calls.Add(new(fields[0], Number(fields[1]), Number(fields[2])));
            }
            else if (words.Length == 4 && words[1] == "ms" && words[2] == "kvm:" && words[3].EndsWith(' ' + Exits))
            {
                ways[Exits] = Number(words[3][..^(Exits.Length + 1)]);
            }
            else if (words.Length == 4 && words[1] == "ms" && words[2] == "systrap:" && words[3].Contains(" calls "))
            {
                foreach (string part in words[3].Replace(" calls ", " ").Split(", "))
                {
                    string[] pair = part.Split(' ', 2);
                    ways[pair[1]] = Number(pair[0]);
                }
            }
        }

        return new([.. calls.OrderByDescending(call => call.Calls)], ways);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
