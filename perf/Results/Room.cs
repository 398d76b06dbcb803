using System;
using System.Globalization;
using System.IO;
using Perf.Runtimes;

namespace Perf.Results;

/// <summary>What the machine has for sandboxes: available memory and, besides a reserve that is left to the machine,
/// the part of it that they may use, process numbers (each thread takes one), and open files, of the machine and of
/// the control groups that the harness is in (proc(5), cgroups(7)).</summary>
internal readonly record struct Room(double AvailableMib, double UsableMib, double ProcessNumbers, double Descriptors)
{
    /// <summary>What is left to the machine, as a part of all that there is.</summary>
    internal const double Reserve = 0.15;

    private const double KibPerMib = 1024;
    private const double BytesPerMib = 1 << 20;

    internal static Room Now()
    {
        double available = Machine.Memory("MemAvailable") / KibPerMib;
        double usable = available - Reserve * Machine.Memory("MemTotal") / KibPerMib;
        double group = Math.Min(
            ControlGroup.Rest("memory", "memory.max", "memory.current", Reserve),
            ControlGroup.Rest("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", Reserve)) / BytesPerMib;
        double threads = Threads();
        string[] files = File.ReadAllText("/proc/sys/fs/file-nr").Split('\t');
        return new(
            available, Math.Max(0, Math.Min(usable, group)),
            Math.Max(0, Math.Min(ControlGroup.Rest("pids", "pids.max", "pids.current", Reserve),
                Math.Min(Number("/proc/sys/kernel/pid_max"), Number("/proc/sys/kernel/threads-max")) * (1 - Reserve)
                    - threads)),
            Math.Max(0, Parse(files[2]) * (1 - Reserve) - Parse(files[0])));
    }

    /// <summary>What is too short for so many sandboxes more, each of which takes so much, in words; null if nothing
    /// is.</summary>
    internal string? Shortage(Room each, int more)
    {
        string reserve = string.Create(
            CultureInfo.InvariantCulture, $"{Reserve * 100:0} % of the machine's, or of its control group's, are kept");
        return UsableMib <= each.UsableMib * more ? $"memory is short ({reserve})"
            : ProcessNumbers <= each.ProcessNumbers * more ? $"process numbers are short ({reserve})"
            : Descriptors <= each.Descriptors * more ? $"open files are short ({reserve})"
            : null;
    }

    /// <summary>All threads of the machine: the second number of the fourth field of /proc/loadavg.</summary>
    private static double Threads() => Parse(File.ReadAllText("/proc/loadavg").Split(' ')[3].Split('/')[1]);

    private static double Number(string file) => Parse(File.ReadAllText(file));

    private static double Parse(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
