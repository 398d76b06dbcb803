using System;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Sys;

/// <summary>/sys/devices/system/node: one memory node with everything.</summary>
internal sealed class SysNodes(SysTree tree, GuestKernel kernel)
{
    private const ulong KiB = 1024;

    internal FixedDirectory Build()
    {
        FixedDirectory directory = tree.Directory();
        foreach (string name in (string[])["has_cpu", "has_memory", "has_normal_memory", "online", "possible"])
        {
            tree.Add(directory, name, "0");
        }

        FixedDirectory node = tree.Directory();
        tree.Add(node, "cpulist", SysProcessors.ListOf(kernel.CpuCount));
        tree.Add(node, "cpumap", SysProcessors.MaskOf(0, kernel.CpuCount, kernel.CpuCount));
        tree.Add(node, "distance", "10");
        tree.Add(node, "meminfo", MemoryInformation);
        directory.Add("node0", node);
        return directory;
    }

    private Errno MemoryInformation(Task reader, StringBuilder text)
    {
        MemoryFile memory = reader.ThreadGroup.Scope.Memory.Smaller;
        ulong total = Math.Min(memory.LimitBytes, memory.SizeBytes);
        ulong used = Math.Min(total, memory.UsedBytes);
        Line(text, "MemTotal", total);
        Line(text, "MemFree", total - used);
        Line(text, "MemUsed", used);
        return Errno.None;
    }

    private static void Line(StringBuilder text, string name, ulong bytes)
    {
        const int NumberColumn = 23;
        string number = (bytes / KiB).ToString(CultureInfo.InvariantCulture);
        text.Append("Node 0 ").Append(name).Append(':').Append(number.PadLeft(NumberColumn - name.Length - 1)).Append(
            " kB\n");
    }
}
