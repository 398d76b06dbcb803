using System;
using System.Collections.Generic;
using System.Globalization;

namespace Perf;

/// <summary>The guest program that makes calls of one kind (<c>perf/guest/calls.c</c>).</summary>
internal sealed class GuestCalls
{
    internal const string Program = "/perf/calls";

    /// <summary>One kind: its name and what it is for.</summary>
    internal readonly record struct Kind(string Name, char Flag);

    /// <summary>The kinds the program knows, or those of them that are named.</summary>
    internal static List<Kind> Kinds(World world, string[] names)
    {
        List<Kind> kinds = [];
        string list = World.Capture(world.Native(Program, "-l")).Output;
        foreach (string line in list.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Kind kind = new(line[..^2], line[^1]);
            if (names.Length == 0 || Array.IndexOf(names, kind.Name) >= 0)
            {
                kinds.Add(kind);
            }
        }

        return kinds;
    }

    /// <summary>The words of a command that makes so many rounds.</summary>
    internal static string[] Command(string kind, long rounds) =>
        [Program, kind, rounds.ToString(CultureInfo.InvariantCulture)];

    /// <summary>Nanoseconds per round from what the program printed.</summary>
    internal static double NanosecondsPerRound(string output, long rounds) =>
        long.Parse(output, CultureInfo.InvariantCulture) / (double)rounds;
}
