using System.Globalization;
using System.Text;
using Sentry.Kernel;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Sys;

/// <summary>/sys/devices/system/cpu: the processors the sandbox may use, in one package, one thread to a
/// core.</summary>
internal sealed class SysProcessors(SysTree tree, GuestKernel kernel)
{
    private const int MaxProcessors = 8192;
    private const int BitsPerGroup = 32;

    internal FixedDirectory Build()
    {
        FixedDirectory directory = tree.Directory();
        string all = ListOf(kernel.CpuCount);
        foreach (string name in (string[])["online", "possible", "present"])
        {
            tree.Add(directory, name, all);
        }

        tree.Add(directory, "offline", "");
        tree.Add(directory, "isolated", "");
        tree.Add(directory, "kernel_max", (MaxProcessors - 1).ToString(CultureInfo.InvariantCulture));
        FixedDirectory simultaneous = tree.Directory();
        tree.Add(simultaneous, "active", "0");
        tree.Add(simultaneous, "control", "notsupported");
        directory.Add("smt", simultaneous);
        for (int cpu = 0; cpu < kernel.CpuCount; cpu++)
        {
            FixedDirectory one = tree.Directory();
            one.Add("topology", Topology(cpu));
            directory.Add("cpu" + cpu.ToString(CultureInfo.InvariantCulture), one);
        }

        return directory;
    }

    /// <summary>"0-3": processors below a number as a list (cpuset(7), "List format").</summary>
    internal static string ListOf(int count) =>
        count == 1 ? "0" : "0-" + (count - 1).ToString(CultureInfo.InvariantCulture);

    /// <summary>Processors [first, first + count) as a mask (cpuset(7), "Mask format"), wide enough for <paramref
    /// name="total"/>.</summary>
    internal static string MaskOf(int first, int count, int total)
    {
        StringBuilder mask = new();
        int groups = (total + BitsPerGroup - 1) / BitsPerGroup;
        for (int group = groups - 1; group >= 0; group--)
        {
            uint bits = 0;
            for (int bit = 0; bit < BitsPerGroup; bit++)
            {
                int cpu = (group * BitsPerGroup) + bit;
                bits |= cpu >= first && cpu < first + count ? 1u << bit : 0;
            }

            // The first group has as many digits as the processors need.
            int digits = group == groups - 1 ? (((total - 1) % BitsPerGroup) + 4) / 4 : BitsPerGroup / 4;
            mask.Append(mask.Length == 0 ? "" : ",").Append(bits.ToString("x" + digits, CultureInfo.InvariantCulture));
        }

        return mask.ToString();
    }

    private FixedDirectory Topology(int cpu)
    {
        FixedDirectory directory = tree.Directory();
        string self = cpu.ToString(CultureInfo.InvariantCulture);
        string selfMask = MaskOf(cpu, 1, kernel.CpuCount);
        string allMask = MaskOf(0, kernel.CpuCount, kernel.CpuCount);
        tree.Add(directory, "core_id", self);
        tree.Add(directory, "die_id", "0");
        tree.Add(directory, "physical_package_id", "0");
        foreach (string name in (string[])["core_cpus", "thread_siblings"])
        {
            tree.Add(directory, name, selfMask);
            tree.Add(directory, name + "_list", self);
        }

        foreach (string name in (string[])["core_siblings", "die_cpus", "package_cpus"])
        {
            tree.Add(directory, name, allMask);
            tree.Add(directory, name + "_list", ListOf(kernel.CpuCount));
        }

        return directory;
    }
}
