using System;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>Owner and permission bits: what a permission check needs of an inode.</summary>
public readonly record struct InodeOwner(uint Mode, uint Uid, uint Gid);

/// <summary>When reads set the access time (mount(2)).</summary>
public enum AccessTimePolicy
{
    /// <summary>Never (noatime).</summary>
    Never,

    /// <summary>When it is not after the other times, or a day old (relatime).</summary>
    Relative,

    /// <summary>Always (strictatime).</summary>
    Always,
}

/// <summary>
/// What the VFS keeps with each inode: references, the directory lock, write and execute exclusion, watches, locks.
/// </summary>
public abstract partial class Inode
{
    private const int Evicting = int.MinValue / 2;
    private const long DayNs = 86400L * 1000 * 1000 * 1000;

    private int _references;
    private int _writers;
    private OrderedLock<DirectoryLevel>? _directoryLock;
    private object? _specialState;

    /// <summary>
    /// Number of references: names in the dentry cache, open files. An inode fresh from Lookup or Create has none;
    /// whoever keeps it takes one.
    /// Callers of Unlink, RemoveDirectory and Rename hold one on the inodes that lose a name.
    /// </summary>
    public int ReferenceCount => Math.Max(0, Volatile.Read(ref _references));

    /// <summary>Entries of this directory; made when first needed.</summary>
    public OrderedLock<DirectoryLevel> DirectoryLock
    {
        get
        {
            OrderedLock<DirectoryLevel>? existing = Volatile.Read(ref _directoryLock);
            if (existing is not null)
            {
                return existing;
            }

            OrderedLock<DirectoryLevel> made = new();
            return Interlocked.CompareExchange(ref _directoryLock, made, null) ?? made;
        }
    }

    /// <summary>State of a FIFO or of a bound socket: what opening the file by name must find. Set once.</summary>
    public object? SpecialState => Volatile.Read(ref _specialState);

    /// <summary>Sets <see cref="SpecialState"/> if nobody has; returns what stands there now.</summary>
    public object InstallSpecialState(object state) =>
        Interlocked.CompareExchange(ref _specialState, state, null) ?? state;

    /// <summary>
    /// Clears the state when it is still <paramref name="state"/> (a socket was closed, the last end of a FIFO went
    /// away).
    /// </summary>
    public void ClearSpecialState(object state) => Interlocked.CompareExchange(ref _specialState, null, state);

    /// <summary>
    /// True when a lookup may find the inode again after <see cref="Evict"/> (its file system keeps the object).
    /// </summary>
    protected virtual bool SurvivesEviction => false;

    /// <summary>Takes a reference; false when the inode is being evicted: look it up again.</summary>
    public bool TryReference()
    {
        int seen = Volatile.Read(ref _references);
        while (seen >= 0)
        {
            int actual = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (actual == seen)
            {
                return true;
            }

            seen = actual;
        }

        return false;
    }

    /// <summary>Drops a reference; the last one evicts the inode.</summary>
    public void DropReference()
    {
        int left = Interlocked.Decrement(ref _references);
        if (left != 0)
        {
            if (FileEvents.IsActive)
            {
                ReportIfOnlyWatched(left);
            }

            return;
        }

        if (Interlocked.CompareExchange(ref _references, Evicting, 0) != 0)
        {
            return;
        }

        Evict();
        if (SurvivesEviction)
        {
            Volatile.Write(ref _references, 0);
        }
    }

    /// <summary>
    /// Mode and owner; file systems that have them at hand override it, for it is on the path of every walk.
    /// </summary>
    public virtual Errno GetOwner(out InodeOwner owner)
    {
        Errno errno = GetAttributes(out InodeAttributes attributes);
        owner = new InodeOwner(attributes.Mode, attributes.Uid, attributes.Gid);
        return errno;
    }

    /// <summary>
    /// As <see cref="GetOwner(out InodeOwner)"/> unless an earlier step failed, whose error it then passes on.
    /// </summary>
    internal Errno GetOwner(Errno earlier, out InodeOwner owner)
    {
        owner = default;
        return earlier != Errno.None ? earlier : GetOwner(out owner);
    }

    /// <summary>
    /// Decides an access by itself (proc, remote file systems): None or EACCES or EPERM. EOPNOTSUPP, the default,
    /// leaves it to
    /// mode bits and access lists. <paramref name="access"/>: MAY_* bits.
    /// </summary>
    public virtual Errno CheckPermission(Task task, MayAccess access) => Errno.EOPNOTSUPP;

    /// <summary>Sets the access time if the policy asks for it; must not change ctime. No-op by default.</summary>
    public virtual void TouchAccessTime(AccessTimePolicy policy)
    {
    }

    /// <summary>Rule of relatime (fs/inode.c: relatime_need_update).</summary>
    protected static bool NeedsAccessTime(
        AccessTimePolicy policy,
        long accessNs,
        long modifyNs,
        long changeNs,
        long nowNs) =>
        policy switch
        {
            AccessTimePolicy.Never => false,
            AccessTimePolicy.Always => true,
            _ => modifyNs >= accessNs || changeNs >= accessNs || nowNs - accessNs >= DayNs,
        };

    /// <summary>One more open for writing; false (ETXTBSY) while the file is being executed.</summary>
    public bool TryAddWriter() => TryMoveWriters(1);

    /// <summary>Undoes <see cref="TryAddWriter"/>.</summary>
    public void DropWriter() => Interlocked.Decrement(ref _writers);

    /// <summary>
    /// Forbids writers as long as the file is executed; false (ETXTBSY) while it is open for writing.
    /// </summary>
    public bool TryDenyWriters() => TryMoveWriters(-1);

    /// <summary>Undoes <see cref="TryDenyWriters"/>.</summary>
    public void AllowWriters() => Interlocked.Increment(ref _writers);

    /// <summary>True when some description may write (for leases and seals).</summary>
    public bool HasWriters => Volatile.Read(ref _writers) > 0;

    private bool TryMoveWriters(int step)
    {
        int seen = Volatile.Read(ref _writers);
        while (seen == 0 || seen > 0 == step > 0)
        {
            int actual = Interlocked.CompareExchange(ref _writers, seen + step, seen);
            if (actual == seen)
            {
                return true;
            }

            seen = actual;
        }

        return false;
    }
}
