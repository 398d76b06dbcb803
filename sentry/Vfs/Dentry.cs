using System;
using System.Threading;

namespace Sentry.Vfs;

/// <summary>
/// A name in a directory, cached. A dentry without an inode is negative: the name is known not to exist. The
/// directory's lock guards the
/// entries below it and their state; lookups of children read without a lock. Name and parent change together under the
/// Rename lock, whose
/// sequence number lets readers of whole paths notice.
/// </summary>
public sealed partial class Dentry
{
    private readonly int _serial;
    private string _name;
    private Dentry? _parent;
    private Inode? _inode;
    private int _flags;
    private int _pins;
    private int _mountCount;
    private int _mountsBelow;

    // Neighbours in the DentryQueue it stands in; guarded by the queue's lock.
    internal Dentry? Older;
    internal Dentry? Newer;

    internal Dentry(SuperBlock superBlock, Dentry? parent, string name, Inode? inode)
    {
        SuperBlock = superBlock;
        _parent = parent;
        _name = name;
        _inode = inode;
        _serial = Interlocked.Increment(ref s_nextSerial);
    }

    private static int s_nextSerial;

    /// <summary>State bits of a dentry.</summary>
    [Flags]
    private enum State
    {
        None = 0,

        /// <summary>Removed from its directory by unlink, rmdir, or a rename over it.</summary>
        Unlinked = 1,

        /// <summary>In the table of its parent (and so holds a reference on its inode).</summary>
        Hashed = 2,

        /// <summary>Looked up since the shrinker's hand last passed.</summary>
        Referenced = 4,

        /// <summary>Counted as reclaimable by the shrinker.</summary>
        Counted = 8,
    }

    /// <summary>File system instance.</summary>
    public SuperBlock SuperBlock { get; }

    /// <summary>What the name means; null for a negative entry.</summary>
    public Inode? Inode => Volatile.Read(ref _inode);

    /// <summary>Last component; "/" for the root of a file system.</summary>
    public string Name => Volatile.Read(ref _name);

    /// <summary>Directory it is in; null for the root of a file system.</summary>
    public Dentry? Parent => Volatile.Read(ref _parent);

    /// <summary>True when no path leads here any more (unlinked, or never had a name).</summary>
    public bool IsUnlinked => (Volatile.Read(ref _flags) & (int)State.Unlinked) != 0;

    /// <summary>True when positive and a directory.</summary>
    public bool IsDirectory => Inode is { } inode && inode.FileType == Abi.Linux.StatMode.S_IFDIR;

    /// <summary>True when positive and a symbolic link.</summary>
    public bool IsSymlink => Inode is { } inode && inode.FileType == Abi.Linux.StatMode.S_IFLNK;

    /// <summary>True when something is mounted here in some namespace (then the mount tables decide).</summary>
    internal bool IsMountpoint => Volatile.Read(ref _mountCount) != 0;

    internal bool IsHashed => (Volatile.Read(ref _flags) & (int)State.Hashed) != 0;

    /// <summary>
    /// True while an open file, a working directory or a mount (here or below) needs this very object to stay in the
    /// cache.
    /// </summary>
    internal bool IsPinned => Volatile.Read(ref _pins) != 0 || Volatile.Read(ref _mountsBelow) != 0;

    /// <summary>Order of creation: the lock order among directories that are not parent and child.</summary>
    internal int Serial => _serial;

    /// <summary>
    /// True when <paramref name="ancestor"/> is this dentry or above it. Stable only under the Rename lock.
    /// </summary>
    internal bool IsBelowOrSame(Dentry ancestor)
    {
        for (Dentry? at = this; at is not null; at = at.Parent)
        {
            if (at == ancestor)
            {
                return true;
            }
        }

        return false;
    }

    internal void Pin() => Interlocked.Increment(ref _pins);

    internal void Unpin() => Interlocked.Decrement(ref _pins);

    /// <summary>
    /// A mount appears here: this dentry and those above must keep their identity. Caller: Rename lock.
    /// </summary>
    internal void AddMount()
    {
        Interlocked.Increment(ref _mountCount);
        AddMountsBelow(this, 1);
    }

    /// <summary>Undoes <see cref="AddMount"/>. Caller: Rename lock.</summary>
    internal void RemoveMount()
    {
        Interlocked.Decrement(ref _mountCount);
        AddMountsBelow(this, -1);
    }

    private static void AddMountsBelow(Dentry? from, int count)
    {
        for (Dentry? at = from; at is not null; at = at.Parent)
        {
            Interlocked.Add(ref at._mountsBelow, count);
        }
    }

    /// <summary>
    /// Sets the referenced bit, once between two passes of the shrinker, so that hits do not write shared memory.
    /// </summary>
    internal void MarkReferenced()
    {
        if ((Volatile.Read(ref _flags) & (int)State.Referenced) == 0)
        {
            Interlocked.Or(ref _flags, (int)State.Referenced);
        }
    }

    internal bool TestAndClearReferenced() =>
        (Interlocked.And(ref _flags, ~(int)State.Referenced) & (int)State.Referenced) != 0;

    /// <summary>
    /// Makes the entry positive; the caller holds the directory's lock and a reference on the inode if hashed.
    /// </summary>
    internal void SetInode(Inode? inode) => Volatile.Write(ref _inode, inode);

    internal bool IsCounted => (Volatile.Read(ref _flags) & (int)State.Counted) != 0;

    internal void SetCounted() => SetFlag(State.Counted);

    internal bool TestAndClearCounted() => (Interlocked.And(ref _flags, ~(int)State.Counted) & (int)State.Counted) != 0;

    internal void MarkUnlinked() => SetFlag(State.Unlinked);

    private void SetFlag(State flag) => Interlocked.Or(ref _flags, (int)flag);

    private void ClearFlag(State flag) => Interlocked.And(ref _flags, ~(int)flag);
}
