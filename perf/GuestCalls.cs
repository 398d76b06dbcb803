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

    /// <summary>The kinds the program knows, or those of them that are named; one that it does not know is the caller's
    /// mistake.</summary>
    internal static List<Kind> Kinds(World world, string[] names)
    {
        List<Kind> all = [];
        string list = World.Capture(world.Native(Program, "-l")).Output;
        foreach (string line in list.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            all.Add(new(line[..^2], line[^1]));
        }

        string? unknown = Array.Find(names, name => !all.Exists(kind => kind.Name == name));
        return unknown == null
            ? all.FindAll(kind => names.Length == 0 || Array.IndexOf(names, kind.Name) >= 0)
            : throw new UserException($"no kind of calls '{unknown}': {string.Join(' ', all.ConvertAll(k => k.Name))}");
    }

    /// <summary>The program's arguments for so many rounds.</summary>
    internal static string[] Arguments(string kind, long rounds) =>
        [kind, rounds.ToString(CultureInfo.InvariantCulture)];

    /// <summary>Nanoseconds per round from what the program printed.</summary>
    internal static double NanosecondsPerRound(string output, long rounds) =>
        long.Parse(output, CultureInfo.InvariantCulture) / (double)rounds;
}
