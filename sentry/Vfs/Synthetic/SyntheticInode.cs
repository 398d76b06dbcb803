using Abi.Linux;
using Sentry.Kernel;
using static Abi.Linux.StatMode;

namespace Sentry.Vfs.Synthetic;

/// <summary>Who owns a generated file and what may be done with it.</summary>
/// <param name="Number">Inode number, stable over look-ups of one name.</param>
/// <param name="Permissions">Permission bits.</param>
/// <param name="Uid">Owner (kuid).</param>
/// <param name="Gid">Group (kgid).</param>
public readonly record struct SyntheticIdentity(ulong Number, uint Permissions, uint Uid = 0, uint Gid = 0);

/// <summary>An inode of a generated tree (proc, sysfs): attributes are fixed, times are those of the file system's
/// start.</summary>
public abstract class SyntheticInode : Inode
{
    private readonly SyntheticIdentity _identity;

    protected SyntheticInode(SyntheticSuperBlock superBlock, SyntheticIdentity identity)
        : base(superBlock)
    {
        Tree = superBlock;
        _identity = identity;
    }

    /// <summary>The file system instance.</summary>
    protected SyntheticSuperBlock Tree { get; }

    /// <summary>Fixed trees give the same object at every look-up.</summary>
    protected override bool SurvivesEviction => true;

    /// <summary>Inode number.</summary>
    public ulong Number => _identity.Number;

    /// <summary>Permission bits, for those that compute them.</summary>
    protected virtual uint Permissions => _identity.Permissions;

    /// <summary>Links: directories answer 2 and their subdirectories, files 1.</summary>
    protected virtual uint LinkCount => 1;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        attributes = new InodeAttributes
        {
            Mode = FileType | Permissions,
            Uid = _identity.Uid,
            Gid = _identity.Gid,
            LinkCount = LinkCount,
            Inode = _identity.Number,
            Device = SuperBlock.Device,
            BlockSizeBytes = 1024,
            AccessTimeNs = Tree.StartTimeNs,
            ModifyTimeNs = Tree.StartTimeNs,
            ChangeTimeNs = Tree.StartTimeNs,
        };
        return Errno.None;
    }

    /// <summary>Owner and mode of a generated file do not change; truncation is accepted and does nothing, so that
    /// O_TRUNC works on settings.</summary>
    public override Errno SetAttributes(Task task, in AttributeChange change) =>
        (change.Mask & ~(AttributeMask.Size | AttributeMask.AccessTime | AttributeMask.ModifyTime)) == 0 ? Errno.None
            : Errno.EPERM;
}

/// <summary>A symbolic link whose target is computed when it is read.</summary>
public abstract class SyntheticLink(SyntheticSuperBlock superBlock, SyntheticIdentity identity)
    : SyntheticInode(superBlock, identity)
{
    /// <inheritdoc/>
    public override uint FileType => S_IFLNK;

    /// <inheritdoc/>
    public abstract override Errno ReadLink(Task task, out string target);

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        return Errno.ELOOP;
    }
}

/// <summary>A symbolic link with a constant target.</summary>
public sealed class ConstantLink(SyntheticSuperBlock superBlock, ulong number, string target)
    : SyntheticLink(superBlock, new SyntheticIdentity(number, 0x1FF))
{
    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string result)
    {
        result = target;
        return Errno.None;
    }
}
