using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>
/// What every file of a tmpfs has: attributes, access lists and extended attributes, guarded by the inode's lock.
/// </summary>
internal abstract partial class TmpfsInode : Inode
{
    private const long InodeBytes = 1024;

    private readonly uint _type;
    private readonly ulong _number;
    private readonly long _birthNs;
    private uint _permissions;
    private uint _uid;
    private uint _gid;
    private uint _linkCount;
    private long _accessNs;
    private long _modifyNs;
    private long _changeNs;
    private bool _isCharged = true;

    protected TmpfsInode(TmpfsSuperBlock superBlock, in CreateContext context)
        : base(superBlock)
    {
        Instance = superBlock;
        _type = context.Mode & StatMode.S_IFMT;
        _permissions = context.Mode & 0xFFF;
        _uid = context.Uid;
        _gid = context.Gid;
        _number = superBlock.NextInodeNumber();
        _birthNs = VirtualFileSystem.NowNs;
        _accessNs = _modifyNs = _changeNs = _birthNs;
        _linkCount = 1;
    }

    /// <summary>The file system.</summary>
    internal TmpfsSuperBlock Instance { get; }

    /// <summary>Attributes and data of this inode.</summary>
    protected internal OrderedLock<InodeLevel> Lock { get; } = new();

    /// <inheritdoc/>
    public override uint FileType => _type;

    /// <summary>What it takes on the Sentry's heap, roughly; constant.</summary>
    protected virtual long HeapBytes => HeapBytesOf(null);

    /// <summary>Inode number.</summary>
    internal ulong Number => _number;

    /// <summary>Permission bits, for the data path; a stale value is as good as an earlier check.</summary>
    internal uint Permissions => _permissions;

    /// <inheritdoc/>
    protected override bool SurvivesEviction => _linkCount > 0;

    /// <summary>Size and blocks as stat(2) shows them. Caller: <see cref="Lock"/>.</summary>
    protected abstract (long SizeBytes, long Blocks) SizeLocked { get; }

    /// <summary>Device number of a node.</summary>
    protected virtual ulong SpecialDevice => 0;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        using (Lock.Enter())
        {
            (long size, long blocks) = SizeLocked;
            attributes = new InodeAttributes
            {
                Mode = _type | _permissions,
                Uid = _uid,
                Gid = _gid,
                LinkCount = _linkCount,
                Inode = _number,
                Device = SuperBlock.Device,
                SpecialDevice = SpecialDevice,
                SizeBytes = size,
                Blocks = blocks,
                BlockSizeBytes = 4096,
                AccessTimeNs = _accessNs,
                ModifyTimeNs = _modifyNs,
                ChangeTimeNs = _changeNs,
                BirthTimeNs = _birthNs,
            };
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno GetOwner(out InodeOwner owner)
    {
        owner = new InodeOwner(_type | _permissions, _uid, _gid);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        if ((change.Mask & AttributeMask.Size) != 0)
        {
            Errno errno = SetSize(change.SizeBytes);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        using (Lock.Enter())
        {
            AttributeMask mask = change.Mask;
            long now = VirtualFileSystem.NowNs;
            if ((mask & AttributeMask.Mode) != 0)
            {
                _permissions = change.Mode & 0xFFF;
                FollowModeLocked();
            }

            _uid = (mask & AttributeMask.Uid) != 0 ? change.Uid : _uid;
            _gid = (mask & AttributeMask.Gid) != 0 ? change.Gid : _gid;
            _accessNs = (mask & AttributeMask.AccessTime) != 0 ? change.AccessTimeNs : _accessNs;
            bool sized = (mask & AttributeMask.Size) != 0;
            _modifyNs = (mask & AttributeMask.ModifyTime) != 0 ? change.ModifyTimeNs : sized ? now : _modifyNs;
            _changeNs = now;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override void TouchAccessTime(AccessTimePolicy policy)
    {
        if (policy == AccessTimePolicy.Never)
        {
            return;
        }

        long now = VirtualFileSystem.NowNs;
        if (NeedsAccessTime(policy, _accessNs, _modifyNs, _changeNs, now))
        {
            _accessNs = now;
        }
    }

    /// <inheritdoc/>
    public override void Evict()
    {
        if (_linkCount != 0 || !_isCharged)
        {
            return;
        }

        _isCharged = false;
        FreeContents();
        DropXattrs();
        Instance.DropInode(HeapBytes);
    }

    /// <summary>The whole instance goes: frees the data whatever the link count says.</summary>
    internal void FreeWithInstance()
    {
        _isCharged = false;
        FreeContents();
    }

    /// <summary><see cref="HeapBytes"/> of an inode to be made, with the target if it is a symbolic link.</summary>
    internal static long HeapBytesOf(string? target) =>
        InodeBytes + (target is null ? 0 : KernelHeap.TextBytes(target.Length));

    /// <summary>Changes the link count by <paramref name="step"/> and sets ctime.</summary>
    internal void AddLinks(int step)
    {
        using (Lock.Enter())
        {
            _linkCount = (uint)(_linkCount + step);
            _changeNs = VirtualFileSystem.NowNs;
        }
    }

    /// <summary>Sets the link count of a new unnamed file or a removed directory.</summary>
    internal void SetLinks(uint count) => _linkCount = count;

    /// <summary>Link count.</summary>
    internal uint LinkCount => _linkCount;

    /// <summary>The contents changed: sets mtime and ctime.</summary>
    internal void TouchModified()
    {
        long now = VirtualFileSystem.NowNs;
        _modifyNs = now;
        _changeNs = now;
    }

    /// <summary>Sets ctime.</summary>
    internal void TouchChanged() => _changeNs = VirtualFileSystem.NowNs;

    /// <summary>Drops set-id bits that a write by this task does not leave.</summary>
    internal void DropSetIdBits(Task task)
    {
        const uint SetId = StatMode.S_ISUID | StatMode.S_ISGID;
        if ((_permissions & SetId) != 0)
        {
            _permissions = Vfs.Permissions.ModeAfterWrite(task, _permissions);
        }
    }

    /// <summary>Changes the size of a regular file; EINVAL for others.</summary>
    protected virtual Errno SetSize(long sizeBytes) => Errno.EINVAL;

    /// <summary>The last reference to a file without names is gone.</summary>
    protected virtual void FreeContents()
    {
    }
}
