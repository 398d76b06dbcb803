using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;

namespace Perf.Runtimes;

/// <summary>
/// A folder below <see cref="Layout.Scratch"/> that goes when its owner is done, when the harness is told to end, or,
/// if it was killed, when the next one begins. Its name says whose it is: <c>perf-PID-NUMBER</c>.
/// </summary>
internal sealed class Scratch : IDisposable
{
    private const string Prefix = "perf-";

    private static readonly List<Scratch> s_live = [];
    private static int _number;

    internal Scratch(Layout layout)
    {
        lock (s_live)
        {
            Id = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{++_number}");
            Folder = Path.Combine(layout.Scratch, Id);
            Directory.CreateDirectory(Folder);
            s_live.Add(this);
        }
    }

    internal string Id { get; }

    internal string Folder { get; }

    public void Dispose()
    {
        lock (s_live)
        {
            if (s_live.Remove(this))
            {
                Delete(Folder);
            }
        }
    }

    /// <summary>Removes all that this harness has, for good: it is told to end, and all its processes have.</summary>
    internal static void EndAll()
    {
        Monitor.Enter(s_live);
        foreach (Scratch scratch in s_live)
        {
            Delete(scratch.Folder);
        }
    }

    /// <summary>Ends and removes what harnesses left that are no more: the processes of their runs, which have the
    /// folder's name among their arguments, control groups and folders.</summary>
    internal static void Sweep(Layout layout)
    {
        if (!Directory.Exists(layout.Scratch))
        {
            return;
        }

        string[] left = [.. Directory.GetDirectories(layout.Scratch).Where(each => IsLeft(Path.GetFileName(each)))];
        foreach (string folder in left)
        {
            Processes.EndNamed(folder + "/");
        }

        string[] names = [.. left.Select(Path.GetFileName).OfType<string>()];
        if (names.Length > 0)
        {
            ControlGroup.Sweep(name => Array.IndexOf(names, name) >= 0);
        }

        foreach (string folder in left)
        {
            Delete(folder);
        }
    }

    /// <summary>What was killed a moment ago may still write below it.</summary>
    private static void Delete(string folder)
    {
        const int Tries = 50;
        const int WaitMs = 50;
        for (int i = 0; Directory.Exists(folder); i++)
        {
            try
            {
                Directory.Delete(folder, true);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                if (i == Tries)
                {
                    Console.Error.WriteLine($"perf: {folder}: {failure.Message}");
                    return;
                }

                Thread.Sleep(WaitMs);
            }
        }
    }

    /// <summary>Whether a folder's name is that of a harness that is no more.</summary>
    internal static bool IsLeft(string name)
    {
        string[] parts = name.Split('-');
        return parts.Length == 3 && name.StartsWith(Prefix, StringComparison.Ordinal)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
            && !Directory.Exists($"/proc/{pid}");
    }
}
