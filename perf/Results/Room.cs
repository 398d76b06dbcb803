using System;
using System.Globalization;
using System.IO;
using Perf.Runtimes;

namespace Perf.Results;

/// <summary>What the machine had for sandboxes before the first: available memory and the part of it that they may
/// use, process numbers (each thread takes one), and open files, of the machine and of the control groups that the
/// harness is in (proc(5), cgroups(7)).</summary>
internal readonly record struct Room(double AvailableMib, double UsableMib, double ProcessNumbers, double Descriptors)
{
    /// <summary>Memory that is left to the machine, as a part of all.</summary>
    internal const double Reserve = 0.15;

    private const double KibPerMib = 1024;
    private const double BytesPerMib = 1 << 20;

    internal static Room Now()
    {
        double available = Machine.Memory("MemAvailable") / KibPerMib;
        double usable = available - Reserve * Machine.Memory("MemTotal") / KibPerMib;
        double group = Math.Min(
            ControlGroup.Rest("memory", "memory.max", "memory.current"),
            ControlGroup.Rest("memory", "memory.limit_in_bytes", "memory.usage_in_bytes")) / BytesPerMib;
        double threads = Threads();
        string[] files = File.ReadAllText("/proc/sys/fs/file-nr").Split('\t');
        return new(
            available, Math.Max(0, Math.Min(usable, group)),
            Math.Max(0, Math.Min(ControlGroup.Rest("pids", "pids.max", "pids.current"),
                Math.Min(Number("/proc/sys/kernel/pid_max"), Number("/proc/sys/kernel/threads-max")) - threads)),
            Parse(files[2]) - Parse(files[0]));
    }

    /// <summary>All threads of the machine: the second number of the fourth field of /proc/loadavg.</summary>
    private static double Threads() => Parse(File.ReadAllText("/proc/loadavg").Split(' ')[3].Split('/')[1]);

    private static double Number(string file) => Parse(File.ReadAllText(file));

    private static double Parse(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
