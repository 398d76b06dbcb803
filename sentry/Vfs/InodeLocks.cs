using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
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
    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly List<RecordLock> _records = [];
    private readonly List<WholeFileLock> _wholeFile = [];
    private int _count;

    internal InodeLocks(Inode inode) => Inode = inode;

    /// <summary>A flock(2) lock.</summary>
    private readonly record struct WholeFileLock(object Owner, FileLockType Type, int Pid);

    /// <summary>The file.</summary>
    internal Inode Inode { get; }

    /// <summary>True when nobody holds a lock (a hint; exact when nothing changes).</summary>
    internal bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Notified when a lock is released or weakened.</summary>
    public WaitQueue Released { get; } = new();

    /// <summary>F_GETLK: the first lock in the way of <paramref name="wanted"/>.</summary>
    public bool TryFindConflict(in RecordLock wanted, out RecordLock conflict)
    {
        using (_lock.Enter())
        {
            return TryFindConflictLocked(in wanted, out conflict);
        }
    }

    /// <summary>F_SETLK: sets, changes or removes; EAGAIN when <paramref name="blocker"/> is in the way.</summary>
    public Errno TrySet(in RecordLock wanted, out RecordLock blocker)
    {
        bool released;
        using (_lock.Enter())
        {
            blocker = default;
            if (wanted.Type != FileLockType.None && TryFindConflictLocked(in wanted, out blocker))
            {
                return Errno.EAGAIN;
            }

            released = ReplaceLocked(in wanted);
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
            int own = _wholeFile.FindIndex(held => ReferenceEquals(held.Owner, owner));
            if (own >= 0 && _wholeFile[own].Type == type)
            {
                return Errno.None;
            }

            released = own >= 0;
            if (own >= 0)
            {
                _wholeFile.RemoveAt(own);
            }

            if (type != FileLockType.None)
            {
                bool blocked = _wholeFile.Exists(held => held.Type == FileLockType.Write || type == FileLockType.Write);
                errno = blocked ? Errno.EAGAIN : Errno.None;
                if (!blocked)
                {
                    _wholeFile.Add(new WholeFileLock(owner, type, pid));
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
            int count = _records.RemoveAll(held => ReferenceEquals(held.Owner, owner));
            count += _wholeFile.RemoveAll(held => ReferenceEquals(held.Owner, owner));
            released = count > 0;
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
            foreach (RecordLock held in _records)
            {
                string kind = held.Owner is FdTable ? "POSIX " : "OFDLCK";
                locks.Add(new ListedLock(Inode, kind, held.Type, held.Pid, held.Start, held.End));
            }

            foreach (WholeFileLock held in _wholeFile)
            {
                locks.Add(new ListedLock(Inode, "FLOCK ", held.Type, held.Pid, 0, long.MaxValue));
            }
        }
    }

    private void CountLocked() => Volatile.Write(ref _count, _records.Count + _wholeFile.Count);

    private void AfterChange(bool released)
    {
        FileLockList.Update(this);
        if (released)
        {
            Released.Notify(uint.MaxValue);
        }
    }

    private bool TryFindConflictLocked(in RecordLock wanted, out RecordLock conflict)
    {
        foreach (RecordLock held in _records)
        {
            if (held.ConflictsWith(in wanted))
            {
                conflict = held;
                return true;
            }
        }

        conflict = default;
        return false;
    }

    /// <summary>
    /// Cuts the owner's locks out of the range, puts the new one in and joins neighbours of one type. True when some
    /// byte was released or weakened.
    /// </summary>
    private bool ReplaceLocked(in RecordLock wanted)
    {
        bool released = false;
        RecordLock merged = wanted;
        List<RecordLock> pieces = [];
        for (int index = _records.Count - 1; index >= 0; index--)
        {
            RecordLock held = _records[index];
            if (!ReferenceEquals(held.Owner, wanted.Owner))
            {
                continue;
            }

            if (held.Type == wanted.Type && Touches(in held, in merged))
            {
                merged = merged with { Start = Math.Min(held.Start, merged.Start), End =
                    Math.Max(held.End, merged.End) };
                _records.RemoveAt(index);
            }
            else if (held.Overlaps(in wanted))
            {
                _records.RemoveAt(index);
                released = true;
                AddRest(pieces, in held, in wanted);
            }
        }

        _records.AddRange(pieces);
        if (wanted.Type != FileLockType.None)
        {
            _records.Add(merged);
        }

        _records.Sort(static (left, right) => left.Start.CompareTo(right.Start));
        return released;
    }

    private static bool Touches(in RecordLock left, in RecordLock right)
    {
        bool after = left.Start > right.End && left.Start - 1 > right.End;
        bool before = left.End < right.Start && left.End + 1 < right.Start;
        return !after && !before;
    }

    private static void AddRest(List<RecordLock> pieces, in RecordLock held, in RecordLock cut)
    {
        if (held.Start < cut.Start)
        {
            pieces.Add(held with { End = cut.Start - 1 });
        }

        if (held.End > cut.End)
        {
            pieces.Add(held with { Start = cut.End + 1 });
        }
    }
}
