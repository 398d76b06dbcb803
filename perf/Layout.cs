using System;
using System.IO;

namespace Perf;

/// <summary>Where the harness finds what it measures and leaves what it makes.</summary>
internal sealed class Layout
{
    private Layout(string top) => Top = top;

    /// <summary>The checkout.</summary>
    internal string Top { get; }

    /// <summary>The folder of jobs; <c>$PERF_SUITES</c> names another.</summary>
    internal string Suites => Environment.GetEnvironmentVariable("PERF_SUITES") ?? Path.Combine(Top, "fio-suites");

    /// <summary>The tested executable.</summary>
    internal string Runsc => Environment.GetEnvironmentVariable("RUNSC") ?? Path.Combine(Top, "artifacts", "runsc");

    /// <summary>The common root file system.</summary>
    internal string Root => Environment.GetEnvironmentVariable("PERF_ROOTFS") ?? Path.Combine(Top, ".cache", "rootfs");

    /// <summary>Programs for inside, seen as <c>/tools</c>.</summary>
    internal string Tools => Path.Combine(Top, ".cache", "perf", "tools");

    internal string Scratch => Path.Combine(Top, ".cache", "perf", "scratch");

    internal string NativeScript => Path.Combine(Top, "scripts", "native");

    /// <summary>From <c>$PERF_TOP</c>, or the folder above the executable's or the current one that has
    /// <c>fio-suites</c>.</summary>
    internal static Layout Find()
    {
        if (Environment.GetEnvironmentVariable("PERF_TOP") is string given)
        {
            return new(Path.GetFullPath(given));
        }

        foreach (string start in (string[])[AppContext.BaseDirectory, Environment.CurrentDirectory])
        {
            for (string? at = Path.GetFullPath(start); at != null; at = Path.GetDirectoryName(at))
            {
                if (Directory.Exists(Path.Combine(at, "fio-suites")))
                {
                    return new(at);
                }
            }
        }

        throw new UserException("no folder fio-suites above the executable or the current folder; set $PERF_TOP");
    }
}
