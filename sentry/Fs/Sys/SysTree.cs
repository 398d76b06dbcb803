using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Sys;

/// <summary>Builds the tree of one instance.</summary>
internal sealed class SysTree(SysSuperBlock superBlock, GuestKernel kernel)
{
    private const uint DirectoryMode = 0x1ED;
    private const uint FileMode = 0x124;

    internal FixedDirectory Build()
    {
        FixedDirectory root = Directory();
        foreach (string name in (string[])["block", "bus", "firmware", "hypervisor", "module", "power"])
        {
            root.Add(name, Directory());
        }

        root.Add("class", WithEmpty("block", "mem", "misc", "net", "tty"));
        root.Add("dev", WithEmpty("block", "char"));
        root.Add("devices", Devices());
        root.Add("fs", FileSystems());
        root.Add("kernel", Kernel());
        return root;
    }

    internal FixedDirectory Directory() => new(superBlock, new SyntheticIdentity(superBlock.NextNumber(),
        DirectoryMode));

    /// <summary>Adds a file whose text ends with a newline that is added here.</summary>
    internal void Add(FixedDirectory directory, string name, string text) =>
        directory.Add(name, new TextFile(
            superBlock, new SyntheticIdentity(superBlock.NextNumber(), FileMode), (_, target) => Append(target, text)));

    /// <summary>As <see cref="Add(FixedDirectory,string,string)"/> with a text made at each reading.</summary>
    internal void Add(FixedDirectory directory, string name, TextGenerator generate) =>
        directory.Add(name, new TextFile(superBlock, new SyntheticIdentity(superBlock.NextNumber(), FileMode),
            generate));

    private static Errno Append(StringBuilder target, string text)
    {
        target.Append(text).Append('\n');
        return Errno.None;
    }

    private FixedDirectory WithEmpty(params string[] names)
    {
        FixedDirectory directory = Directory();
        foreach (string name in names)
        {
            directory.Add(name, Directory());
        }

        return directory;
    }

    private FixedDirectory Devices()
    {
        FixedDirectory system = Directory();
        system.Add("cpu", new SysProcessors(this, kernel).Build());
        system.Add("node", new SysNodes(this, kernel).Build());
        system.Add("clocksource", ClockSource());
        FixedDirectory devices = Directory();
        devices.Add("system", system);
        devices.Add("virtual", WithEmpty("mem", "misc", "net", "tty"));
        return devices;
    }

    private FixedDirectory ClockSource()
    {
        FixedDirectory source = Directory();
        Add(source, "available_clocksource", "tsc");
        Add(source, "current_clocksource", "tsc");
        FixedDirectory directory = Directory();
        directory.Add("clocksource0", source);
        return directory;
    }

    private FixedDirectory FileSystems() => WithEmpty("bpf", "cgroup", "fuse", "pstore");

    private FixedDirectory Kernel()
    {
        FixedDirectory kernelDirectory = WithEmpty("debug", "security", "tracing");
        FixedDirectory memory = Directory();
        memory.Add("transparent_hugepage", HugePages());
        memory.Add("hugepages", HugePagePools());
        kernelDirectory.Add("mm", memory);
        return kernelDirectory;
    }

    private FixedDirectory HugePages()
    {
        FixedDirectory directory = Directory();
        Add(directory, "defrag", "always defer defer+madvise [madvise] never");
        Add(directory, "enabled", "always [madvise] never");
        Add(directory, "hpage_pmd_size", (2 << 20).ToString(CultureInfo.InvariantCulture));
        Add(directory, "shmem_enabled", "always within_size advise [never] deny force");
        Add(directory, "use_zero_page", "1");
        return directory;
    }

    private FixedDirectory HugePagePools()
    {
        FixedDirectory pool = Directory();
        foreach (string name in (string[])["free_hugepages", "nr_hugepages", "nr_hugepages_mempolicy",
            "nr_overcommit_hugepages",
            "resv_hugepages", "surplus_hugepages"])
        {
            Add(pool, name, "0");
        }

        FixedDirectory directory = Directory();
        directory.Add("hugepages-2048kB", pool);
        return directory;
    }
}
