using System;
using System.Collections.Generic;
using System.IO;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf;

/// <summary>The two worlds a command runs in: natively, and in a sandbox over a small root file system.</summary>
internal sealed class World
{
    /// <summary>Longer than any run of the benchmarks on the slowest platform.</summary>
    private static readonly TimeSpan UsualLimit = TimeSpan.FromSeconds(300);

    private readonly Layout _layout;

    private World(Layout layout, string runsc, string root)
    {
        _layout = layout;
        Runsc = runsc;
        Root = root;
    }

    /// <summary>The tested executable.</summary>
    internal string Runsc { get; }

    /// <summary>Host directory that is the sandbox's root.</summary>
    internal string Root { get; }

    /// <summary>The same with another executable.</summary>
    internal World With(string runsc) => new(_layout, Path.GetFullPath(runsc), Root);

    /// <summary>A folder of the host for what is looked at and thrown away.</summary>
    internal Scratch NewScratch() => new(_layout);

    /// <summary>A root below <c>.cache/perf</c> with nothing but busybox and our own guest program.</summary>
    internal static World Prepare(Layout layout)
    {
        string root = Path.Combine(layout.Top, ".cache", "perf", "root");
        foreach (string folder in (string[])["bin", "perf", "tmp", "proc", "sys", "dev"])
        {
            Directory.CreateDirectory(Path.Combine(root, folder));
        }

        GuestTools.Build(layout);
        CopyNewer("/bin/busybox", Path.Combine(root, "bin", "busybox"));
        CopyNewer(Path.Combine(layout.Tools, "calls"), Path.Combine(root, "perf", "calls"));
        return new(layout, layout.Runsc, root);
    }

    /// <summary>The words of a command of the root, natively.</summary>
    internal string[] Native(string program, params IEnumerable<string> arguments) => [Root + program, .. arguments];

    /// <summary>The words of the same command in a sandbox; flags go before the subcommand.</summary>
    internal string[] Sandboxed(IEnumerable<string> flags, params IEnumerable<string> command) =>
        [Runsc, .. flags, "do", "--root", Root, .. command];

    /// <summary>Runs to the end; another exit status than 0, or none in time, is a mistake of the caller's
    /// executable.</summary>
    internal static ProcessResult Capture(IReadOnlyList<string> command) => Capture(command, UsualLimit);

    internal static ProcessResult Capture(IReadOnlyList<string> command, TimeSpan limit)
    {
        ProcessResult result = Processes.Run(command, limit);
        string ended = result.Status == Processes.TimedOut && result.Seconds >= limit.TotalSeconds
            ? $"ended after {limit.TotalSeconds:0} s" : $"status {result.Status}";
        return result.Status == 0
            ? result
            : throw new UserException($"{string.Join(' ', command)}: {ended}{Execution.LastWords(result)}");
    }

    private static void CopyNewer(string from, string to)
    {
        if (!File.Exists(to) || File.GetLastWriteTimeUtc(to) < File.GetLastWriteTimeUtc(from))
        {
            File.Copy(from, to + ".new", true);
            File.Move(to + ".new", to, true);
        }
    }
}
