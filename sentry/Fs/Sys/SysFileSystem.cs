using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Sys;

/// <summary>sysfs(5): the few files that programs read to learn about CPUs and settings, and the mount points that runtimes expect.</summary>
public sealed class SysFileSystem : FileSystemType
{
    /// <inheritdoc/>
    public override string Name => "sysfs";

    /// <inheritdoc/>
    public override bool AllowsUserNamespaceMount => true;

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = new SysSuperBlock(this, task.Kernel, source) { UserNamespace = task.Credentials.UserNamespace };
        return Errno.None;
    }
}

/// <summary>One instance of sysfs.</summary>
internal sealed class SysSuperBlock : SyntheticSuperBlock
{
    private const long SysMagic = 0x62656572;
    private const uint DirectoryPermissions = 0x1ED;
    private const uint FilePermissions = 0x124;

    private readonly FixedDirectory _root;

    internal SysSuperBlock(FileSystemType type, GuestKernel kernel, string source)
        : base(type, kernel.Vfs.AllocateDevice(), SysMagic)
    {
        Source = source;
        _root = new FixedDirectory(this, new SyntheticIdentity(1, DirectoryPermissions));
        foreach (string name in (string[])["block", "bus", "class", "dev", "firmware", "module", "power"])
        {
            Add(_root, name);
        }

        FixedDirectory system = Add(Add(_root, "devices"), "system");
        AddCpus(Add(system, "cpu"), kernel.CpuCount);
        FixedDirectory node = Add(Add(system, "node"), "node0");
        Text(node, "cpulist", Range(kernel.CpuCount));
        FixedDirectory fs = Add(_root, "fs");
        Add(fs, "cgroup");
        FixedDirectory pages = Add(Add(Add(_root, "kernel"), "mm"), "transparent_hugepage");
        Text(pages, "enabled", "always [madvise] never");
    }

    /// <inheritdoc/>
    public override Inode Root => _root;

    private static string Range(int cpus) => cpus == 1 ? "0" : "0-" + (cpus - 1);

    private FixedDirectory Add(FixedDirectory parent, string name)
    {
        FixedDirectory directory = new(this, new SyntheticIdentity(NextNumber(), DirectoryPermissions));
        parent.Add(name, directory);
        return directory;
    }

    private void Text(FixedDirectory parent, string name, string content) =>
        parent.Add(name, new TextFile(this, new SyntheticIdentity(NextNumber(), FilePermissions), (_, text) =>
        {
            text.Append(content).Append('\n');
            return Errno.None;
        }));

    private void AddCpus(FixedDirectory directory, int count)
    {
        foreach (string name in (string[])["online", "possible", "present"])
        {
            Text(directory, name, Range(count));
        }

        Text(directory, "offline", "");
        Text(directory, "kernel_max", "8191");
        for (int cpu = 0; cpu < count; cpu++)
        {
            FixedDirectory one = Add(directory, "cpu" + cpu);
            FixedDirectory topology = Add(one, "topology");
            Text(topology, "core_id", cpu.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Text(topology, "physical_package_id", "0");
        }
    }
}
