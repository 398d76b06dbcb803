using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using Perf.Suites;

namespace Perf;

/// <summary>The two worlds a command runs in: natively, and in a sandbox over a small root file system.</summary>
internal sealed class World
{
    private World(string runsc, string root)
    {
        Runsc = runsc;
        Root = root;
    }

    /// <summary>The tested executable.</summary>
    internal string Runsc { get; }

    /// <summary>Host directory that is the sandbox's root.</summary>
    internal string Root { get; }

    /// <summary>A folder of the host for what is looked at and thrown away.</summary>
    internal string Scratch => Path.GetDirectoryName(Root)!;

    /// <summary>The same with another executable.</summary>
    internal World With(string runsc) => new(Path.GetFullPath(runsc), Root);

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
        return new(layout.Runsc, root);
    }

    /// <summary>A command of the root, started natively.</summary>
    internal ProcessStartInfo Native(params IEnumerable<string> command)
    {
        ProcessStartInfo start = new() { UseShellExecute = false };
        foreach (string word in command)
        {
            if (start.FileName.Length == 0)
            {
                start.FileName = Root + word;
            }
            else
            {
                start.ArgumentList.Add(word);
            }
        }

        return start;
    }

    /// <summary>The same command in a sandbox; flags go before the subcommand.</summary>
    internal ProcessStartInfo Sandboxed(IEnumerable<string> flags, params IEnumerable<string> command)
    {
        List<string> words = [.. flags, "do", "--root", Root, .. command];
        return new ProcessStartInfo(Runsc, words) { UseShellExecute = false };
    }

    /// <summary>Runs to the end and gives what was printed on each stream; another exit status than 0 is an
    /// error.</summary>
    internal static (string Output, string Error) Capture(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        string error = "";
        process.ErrorDataReceived += (_, line) => error += line.Data is null ? "" : line.Data + "\n";
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? (output, error)
            : throw new IOException(start.FileName + " " + string.Join(' ', start.ArgumentList)
                + $": status {process.ExitCode}: {error}");
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
