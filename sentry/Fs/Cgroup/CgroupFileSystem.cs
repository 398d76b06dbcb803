using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Cgroup;

/// <summary>cgroup2 (cgroups(7)): one group, that of the container that mounts it, whose files show the limits and what
/// is used. Nothing can be changed and no group be made.</summary>
public sealed class CgroupFileSystem : FileSystemType
{
    /// <inheritdoc/>
    public override string Name => "cgroup2";

    /// <inheritdoc/>
    public override UserNamespace MountOwner(Task task) => task.Namespaces.Cgroup.Owner;

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = null;
        foreach (string option in data.Split(','))
        {
            if (option is not ("" or "nsdelegate" or "favordynmods" or "nofavordynmods" or "memory_localevents"
                or "memory_recursiveprot"))
            {
                return Errno.EINVAL;
            }
        }

        superBlock = new CgroupSuperBlock(this, task, source)
        {
            UserNamespace = MountOwner(task),
        };
        return Errno.None;
    }
}

/// <summary>One instance; all of one container show the same.</summary>
internal sealed class CgroupSuperBlock : SyntheticSuperBlock
{
    private const long CgroupMagic = 0x63677270;

    internal CgroupSuperBlock(FileSystemType type, Task task, string source)
        : base(type, task.Kernel.Vfs.AllocateDevice(), CgroupMagic)
    {
        Source = source;
        Root = new CgroupFiles(this, task.Kernel, task.ThreadGroup.Scope).Build();
    }

    /// <inheritdoc/>
    public override Inode Root { get; }
}
