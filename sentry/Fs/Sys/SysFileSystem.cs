using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Sys;

/// <summary>sysfs(5): the little of it that programs ask for: processors, memory nodes, memory settings, and places
/// to mount on.</summary>
public sealed class SysFileSystem : FileSystemType
{
    /// <inheritdoc/>
    public override string Name => "sysfs";

    /// <inheritdoc/>
    public override UserNamespace MountOwner(Task task) => task.Namespaces.Net.Owner;

    /// <inheritdoc/>
    public override bool NeedsVisibleInstance => true;

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = new SysSuperBlock(this, task.Kernel, source) { UserNamespace = MountOwner(task) };
        return Errno.None;
    }
}

/// <summary>One instance of sysfs; all show the same.</summary>
internal sealed class SysSuperBlock : SyntheticSuperBlock
{
    private const long SysMagic = 0x62656572;

    internal SysSuperBlock(FileSystemType type, GuestKernel kernel, string source)
        : base(type, kernel.Vfs.AllocateDevice(), SysMagic)
    {
        Source = source;
        Root = new SysTree(this, kernel).Build();
    }

    /// <inheritdoc/>
    public override Inode Root { get; }
}
