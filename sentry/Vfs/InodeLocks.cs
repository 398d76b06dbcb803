using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>Type of a record or whole-file lock.</summary>
public enum FileLockType
{
    /// <summary>F_RDLCK, LOCK_SH.</summary>
    Read,

    /// <summary>F_WRLCK, LOCK_EX.</summary>
    Write,

    /// <summary>F_UNLCK, LOCK_UN.</summary>
    None,
}

/// <summary>
/// One byte range that one owner holds or wants. POSIX locks belong to a descriptor table, open-file-description locks
/// to a description.
/// <paramref name="End"/> is the last byte.
/// </summary>
public readonly record struct RecordLock(object Owner, FileLockType Type, long Start, long End, int Pid)
{
    internal bool Overlaps(in RecordLock other) => Start <= other.End && other.Start <= End;

    internal bool ConflictsWith(in RecordLock other) => !ReferenceEquals(Owner, other.Owner) && Overlaps(in other)
        && (Type == FileLockType.Write || other.Type == FileLockType.Write);
}

/// <summary>
/// The advisory locks of one inode (fcntl_locking(2), flock(2)). Record locks and flock locks do not see each other.
/// </summary>
public sealed class InodeLocks
{
    private const long LockBytes = 96;

    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly RecordLocks _records = new();
    private readonly Dictionary<object, WholeFileLock> _wholeFile = new(ReferenceEqualityComparer.Instance);
    private int _writers;
    private int _count;
    private int _charged;

    internal InodeLocks(Inode inode) => Inode = inode;

    /// <summary>A flock(2) lock.</summary>
    private readonly record struct WholeFileLock(FileLockType Type, int Pid);

    /// <summary>The file.</summary>
    internal Inode Inode { get; }

    /// <summary>True while the file is on <see cref="FileLockList"/>, which alone writes it.</summary>
    internal bool IsListed { get; set; }

    /// <summary>True when nobody holds a lock (a hint; exact when nothing changes).</summary>
    internal bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Notified when a lock is released or weakened.</summary>
    public WaitQueue Released { get; } = new();

    /// <summary>F_GETLK: the first lock in the way of <paramref name="wanted"/>.</summary>
    public bool TryFindConflict(in RecordLock wanted, out RecordLock conflict)
    {
        using (_lock.Enter())
        {
            return _records.TryFindConflict(in wanted, out conflict);
        }
    }

    /// <summary>F_SETLK: sets, changes or removes; EAGAIN when <paramref name="blocker"/> is in the way.</summary>
    public Errno TrySet(in RecordLock wanted, out RecordLock blocker)
    {
        bool released;
        using (_lock.Enter())
        {
            blocker = default;
            if (wanted.Type != FileLockType.None && _records.TryFindConflict(in wanted, out blocker))
            {
                return Errno.EAGAIN;
            }

            released = _records.Replace(in wanted);
            CountLocked();
        }

        AfterChange(released);
        return Errno.None;
    }

    /// <summary>
    /// flock(2): EAGAIN when another description is in the way. A conversion gives up the old lock first, as Linux
    /// does.
    /// </summary>
    public Errno TryFlock(object owner, FileLockType type, int pid)
    {
        bool released;
        Errno errno = Errno.None;
        using (_lock.Enter())
        {
            if (_wholeFile.TryGetValue(owner, out WholeFileLock own) && own.Type == type)
            {
                return Errno.None;
            }

            released = DropWholeFileLocked(owner);
            if (type != FileLockType.None)
            {
                bool blocked = _writers > 0 || (type == FileLockType.Write && _wholeFile.Count > 0);
                errno = blocked ? Errno.EAGAIN : Errno.None;
                if (!blocked)
                {
                    _wholeFile.Add(owner, new WholeFileLock(type, pid));
                    _writers += type == FileLockType.Write ? 1 : 0;
                }
            }

            CountLocked();
        }

        AfterChange(released);
        return errno;
    }

    /// <summary>Drops every lock of a closing table or description.</summary>
    public void ReleaseOwner(object owner)
    {
        bool released;
        using (_lock.Enter())
        {
            released = _records.RemoveOwner(owner) | DropWholeFileLocked(owner);
            CountLocked();
        }

        if (released)
        {
            AfterChange(released);
        }
    }

    /// <summary>Every lock as kind, type, holder and range, for /proc/locks.</summary>
    internal void Collect(List<ListedLock> locks)
    {
        using (_lock.Enter())
        {
            List<RecordLock> records = new(_records.Count);
            _records.CopyTo(records);
            foreach (RecordLock held in records)
            {
                string kind = held.Owner is FdTable ? "POSIX " : "OFDLCK";
                locks.Add(new ListedLock(Inode, kind, held.Type, held.Pid, held.Start, held.End));
            }

            foreach (WholeFileLock held in _wholeFile.Values)
            {
                locks.Add(new ListedLock(Inode, "FLOCK ", held.Type, held.Pid, 0, long.MaxValue));
            }
        }
    }

    private bool DropWholeFileLocked(object owner)
    {
        bool held = _wholeFile.Remove(owner, out WholeFileLock old);
        _writers -= held && old.Type == FileLockType.Write ? 1 : 0;
        return held;
    }

    private void CountLocked() => Volatile.Write(ref _count, _records.Count + _wholeFile.Count);

    private void ChargeHeap()
    {
        int count;
        int charged;
        using (_lock.Enter())
        {
            count = _count;
            charged = _charged;
            _charged = count;
        }

        KernelHeap.Adjust((count - charged) * LockBytes);
    }

    private void AfterChange(bool released)
    {
        ChargeHeap();
        FileLockList.Update(this);
        if (released)
        {
            Released.Notify(uint.MaxValue);
        }
    }
}
