using System;
using System.IO;
using Perf.Runtimes;

namespace Perf.Suites;

/// <summary>Our own programs for inside: every source of <c>perf/guest</c>, compiled statically.</summary>
internal static class GuestTools
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>Compiles what is older than its source, and clears away what killed harnesses left.</summary>
    internal static void Build(Layout layout)
    {
        // Every command that runs something comes here first.
        Scratch.Sweep(layout);
        Directory.CreateDirectory(layout.Tools);
        foreach (string source in Directory.GetFiles(Path.Combine(layout.Top, "perf", "guest"), "*.c"))
        {
            string program = Path.Combine(layout.Tools, Path.GetFileNameWithoutExtension(source));
            if (File.Exists(program) && File.GetLastWriteTimeUtc(program) > File.GetLastWriteTimeUtc(source))
            {
                continue;
            }

            // A new file moved into place: a program that runs keeps the old one.
            ProcessResult result =
                Processes.Run(["gcc", "-static", "-O2", "-pthread", "-o", program + ".new", source], Limit);
            if (result.Status != 0)
            {
                throw new UserException($"{source}: {result.Error.Trim()}");
            }

            File.Move(program + ".new", program, true);
        }
    }
}
