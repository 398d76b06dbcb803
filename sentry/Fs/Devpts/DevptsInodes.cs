using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Tty;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Devpts;

/// <summary>A device node of devpts: its owner, mode and times can be changed (grantpt(3), login).</summary>
internal abstract class DevptsNode : SyntheticInode
{
    private readonly OrderedLock<InodeLevel> _lock = new();

    // Guarded by _lock.
    private InodeAttributes _attributes;

    protected DevptsNode(DevptsSuperBlock superBlock, SyntheticIdentity identity, ulong device)
        : base(superBlock, identity)
    {
        long now = VirtualFileSystem.NowNs;
        _attributes = new InodeAttributes
        {
            Mode = StatMode.S_IFCHR | identity.Permissions,
            Uid = identity.Uid,
            Gid = identity.Gid,
            LinkCount = 1,
            Inode = identity.Number,
            Device = superBlock.Device,
            SpecialDevice = device,
            BlockSizeBytes = 1024,
            AccessTimeNs = now,
            ModifyTimeNs = now,
            ChangeTimeNs = now,
        };
    }

    /// <inheritdoc/>
    public override uint FileType => StatMode.S_IFCHR;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        using (_lock.Enter())
        {
            attributes = _attributes;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        const uint Permissions = 0xFFF;
        using (_lock.Enter())
        {
            if ((change.Mask & AttributeMask.Mode) != 0)
            {
                _attributes.Mode = StatMode.S_IFCHR | (change.Mode & Permissions);
            }

            _attributes.Uid = (change.Mask & AttributeMask.Uid) != 0 ? change.Uid : _attributes.Uid;
            _attributes.Gid = (change.Mask & AttributeMask.Gid) != 0 ? change.Gid : _attributes.Gid;
            if ((change.Mask & AttributeMask.AccessTime) != 0)
            {
                _attributes.AccessTimeNs = change.AccessTimeNs;
            }

            if ((change.Mask & AttributeMask.ModifyTime) != 0)
            {
                _attributes.ModifyTimeNs = change.ModifyTimeNs;
            }

            _attributes.ChangeTimeNs = VirtualFileSystem.NowNs;
        }

        return Errno.None;
    }
}

/// <summary>The ptmx node: each open makes a terminal and is its master.</summary>
internal sealed class PtmxInode(DevptsSuperBlock superBlock, SyntheticIdentity identity)
    : DevptsNode(superBlock, identity, VirtualFileSystem.MakeDevice(5, 2))
{
    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file) =>
        PtyMaster.Open(task, (DevptsSuperBlock)SuperBlock, path.Mount, this, flags, out file);
}

/// <summary>A slave's node.</summary>
internal sealed class SlaveInode(DevptsSuperBlock superBlock, SyntheticIdentity identity, Terminal terminal)
    : DevptsNode(superBlock, identity, terminal.DeviceNumber)
{
    /// <summary>The terminal behind it.</summary>
    public Terminal Terminal => terminal;

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file) =>
        PtySlave.Open(task, terminal, this, flags, out file);
}
