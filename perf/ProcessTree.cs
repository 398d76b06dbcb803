using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace Perf;

/// <summary>A process and all below it, as /proc shows them (proc(5)).</summary>
internal sealed class ProcessTree
{
    private readonly List<int> _pids = [];

    /// <summary>The tree as it is now.</summary>
    internal ProcessTree(int root)
    {
        _pids.Add(root);
        for (int i = 0; i < _pids.Count; i++)
        {
            foreach (string task in Tasks(_pids[i]))
            {
                foreach (string child in File.ReadAllText(task + "/children").Split(' ', Skip))
                {
                    _pids.Add(int.Parse(child, CultureInfo.InvariantCulture));
                }
            }
        }
    }

    private static StringSplitOptions Skip => StringSplitOptions.RemoveEmptyEntries;

    /// <summary>Processes, root first.</summary>
    internal IReadOnlyList<int> Pids => _pids;

    /// <summary>User and system time of all threads, in ticks of 10 ms.</summary>
    internal long Ticks()
    {
        const int UserTime = 11;
        long sum = 0;
        foreach (int pid in _pids)
        {
            foreach (string task in Tasks(pid))
            {
                // The fields after "pid (name) "; the name may hold spaces.
                string text = File.ReadAllText(task + "/stat");
                string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
                sum += Number(fields[UserTime]) + Number(fields[UserTime + 1]);
            }
        }

        return sum;
    }

    /// <summary>Context switches of all threads, voluntary or not.</summary>
    internal long Switches()
    {
        long sum = 0;
        foreach (int pid in _pids)
        {
            foreach (string task in Tasks(pid))
            {
                sum += SumOf(task + "/status", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:");
            }
        }

        return sum;
    }

    /// <summary>Sum of fields of a process's smaps_rollup, in KiB.</summary>
    internal static long MemoryKib(int pid, params string[] fields) => SumOf($"/proc/{pid}/smaps_rollup", fields);

    /// <summary>Name and first arguments.</summary>
    internal static string Describe(int pid)
    {
        const int Shown = 24;
        string line = File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ').Trim();
        line = line.Length == 0
            ? "(" + File.ReadAllText($"/proc/{pid}/comm").Trim() + ")"
            : Path.GetFileName(line.Split(' ')[0]);
        return line.Length > Shown ? line[..Shown] : line;
    }

    internal static int ThreadCount(int pid) => Tasks(pid).Length;

    /// <summary>Files that a process has open.</summary>
    internal static int DescriptorCount(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;

    private static string[] Tasks(int pid) => Directory.GetDirectories($"/proc/{pid}/task");

    private static long SumOf(string file, params string[] fields)
    {
        long sum = 0;
        foreach (string line in File.ReadLines(file))
        {
            string[] words = line.Split([' ', '\t'], Skip);
            if (words.Length >= 2 && Array.IndexOf(fields, words[0]) >= 0)
            {
                sum += Number(words[1]);
            }
        }

        return sum;
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
