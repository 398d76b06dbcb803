using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>
/// Inode of a file without a name: pipe, socket, eventfd... It has attributes; of these only a pipe can be opened
/// again, through its magic link in /proc/pid/fd.
/// </summary>
public sealed class AnonymousInode : Inode
{
    internal const uint DirectoryType = 0x4000;
    private const uint TypeMask = 0xF000;
    private const uint PermissionMask = 0xFFF;

    private readonly ulong _number;
    private readonly OrderedLock<LeafLevel> _lock = new();
    private uint _mode;
    private uint _uid;
    private uint _gid;
    private long _accessTimeNs;
    private long _modifyTimeNs;
    private long _changeTimeNs;

    /// <summary>
    /// An inode of <paramref name="mode"/> (type and permissions; type 0 for anon_inodefs, as Linux has it) owned by
    /// the kuids given.
    /// </summary>
    public AnonymousInode(PseudoSuperBlock superBlock, uint mode, uint uid, uint gid, long nowNs = 0)
        : base(superBlock)
    {
        _number = superBlock.NextInode();
        _mode = mode;
        _uid = uid;
        _gid = gid;
        _accessTimeNs = _modifyTimeNs = _changeTimeNs = nowNs;
    }

    /// <summary>Inode number, for "pipe:[N]" and "socket:[N]".</summary>
    public ulong Number => _number;

    /// <inheritdoc/>
    public override uint FileType => _mode & TypeMask;

    /// <summary>Its descriptions keep it without counting references; those of magic links come and go.</summary>
    protected override bool SurvivesEviction => true;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        using (_lock.Enter())
        {
            attributes = new InodeAttributes
            {
                Mode = _mode,
                Uid = _uid,
                Gid = _gid,
                LinkCount = 1,
                Inode = _number,
                Device = SuperBlock.Device,
                BlockSizeBytes = 4096,
                AccessTimeNs = _accessTimeNs,
                ModifyTimeNs = _modifyTimeNs,
                ChangeTimeNs = _changeTimeNs,
                BirthTimeNs = _changeTimeNs,
            };
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        if (FileType == 0)
        {
            // fs/anon_inodes.c, anon_inode_setattr.
            return Errno.EOPNOTSUPP;
        }

        using (_lock.Enter())
        {
            if ((change.Mask & AttributeMask.Mode) != 0)
            {
                _mode = FileType | (change.Mode & PermissionMask);
            }

            _uid = (change.Mask & AttributeMask.Uid) != 0 ? change.Uid : _uid;
            _gid = (change.Mask & AttributeMask.Gid) != 0 ? change.Gid : _gid;
            _accessTimeNs = (change.Mask & AttributeMask.AccessTime) != 0 ? change.AccessTimeNs : _accessTimeNs;
            _modifyTimeNs = (change.Mask & AttributeMask.ModifyTime) != 0 ? change.ModifyTimeNs : _modifyTimeNs;
        }

        return (change.Mask & AttributeMask.Size) != 0 ? Errno.EINVAL : Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        return FileType == StatMode.S_IFIFO
            ? task.Kernel.Vfs.SpecialFiles.Open(task, this, path, flags, 0, out file)
            : Errno.ENXIO;
    }
}
