using System;
using System.Collections.Generic;

namespace Sentry.Vfs;

/// <summary>
/// The record locks of one inode. Each owner's are disjoint and sorted, and those of one type that touch are one, so
/// that
/// a range is found by halving. Owners stand in the order of their first lock, as in Linux. Not thread-safe.
/// </summary>
internal sealed class RecordLocks
{
    private readonly List<Holder> _holders = [];

    /// <summary>Number of locks.</summary>
    internal int Count { get; private set; }

    /// <summary>The first lock of another owner in the way of <paramref name="wanted"/>.</summary>
    internal bool TryFindConflict(in RecordLock wanted, out RecordLock conflict)
    {
        foreach (Holder holder in _holders)
        {
            if (!ReferenceEquals(holder.Owner, wanted.Owner) && holder.TryFindConflict(in wanted, out conflict))
            {
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
    internal bool Replace(in RecordLock wanted)
    {
        int index = IndexOf(wanted.Owner);
        if (index < 0 && wanted.Type == FileLockType.None)
        {
            return false;
        }

        if (index < 0)
        {
            index = _holders.Count;
            _holders.Add(new Holder(wanted.Owner));
        }

        Holder holder = _holders[index];
        int before = holder.Locks.Count;
        bool released = holder.Replace(in wanted);
        Count += holder.Locks.Count - before;
        if (holder.Locks.Count == 0)
        {
            _holders.RemoveAt(index);
        }

        return released;
    }

    /// <summary>Drops all locks of an owner; false when it had none.</summary>
    internal bool RemoveOwner(object owner)
    {
        int index = IndexOf(owner);
        if (index < 0)
        {
            return false;
        }

        Count -= _holders[index].Locks.Count;
        _holders.RemoveAt(index);
        return true;
    }

    /// <summary>Appends all locks.</summary>
    internal void CopyTo(List<RecordLock> result)
    {
        foreach (Holder holder in _holders)
        {
            result.AddRange(holder.Locks);
        }
    }

    private int IndexOf(object owner)
    {
        for (int i = 0; i < _holders.Count; i++)
        {
            if (ReferenceEquals(_holders[i].Owner, owner))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>One owner and its locks.</summary>
    private sealed class Holder(object owner)
    {
        internal object Owner { get; } = owner;

        internal List<RecordLock> Locks { get; } = [];

        internal bool TryFindConflict(in RecordLock wanted, out RecordLock conflict)
        {
            for (int i = FirstEndingAt(wanted.Start); i < Locks.Count && Locks[i].Start <= wanted.End; i++)
            {
                if (Locks[i].ConflictsWith(in wanted))
                {
                    conflict = Locks[i];
                    return true;
                }
            }

            conflict = default;
            return false;
        }

        internal bool Replace(in RecordLock wanted)
        {
            // The window reaches one byte further on both sides: neighbours of the same type join.
            int first = FirstEndingAt(Math.Max(wanted.Start, 1) - 1);
            long reach = wanted.End == long.MaxValue ? wanted.End : wanted.End + 1;
            int end = first;
            bool released = false;
            RecordLock merged = wanted;
            RecordLock? left = null;
            RecordLock? right = null;
            for (; end < Locks.Count && Locks[end].Start <= reach; end++)
            {
                RecordLock held = Locks[end];
                if (held.Type == wanted.Type)
                {
                    merged = merged with
                    {
                        Start = Math.Min(held.Start, merged.Start), End = Math.Max(held.End, merged.End),
                    };
                    continue;
                }

                released |= held.Overlaps(in wanted);
                left = held.Start < wanted.Start ? held with { End = Math.Min(held.End, wanted.Start - 1) } : left;
                right = held.End > wanted.End ? held with { Start = Math.Max(held.Start, wanted.End + 1) } : right;
            }

            Span<RecordLock> parts = [left ?? merged, merged, right ?? merged];
            int from = left is null ? 1 : 0;
            int to = right is null ? 2 : 3;
            if (wanted.Type == FileLockType.None)
            {
                // No lock in the middle: what is kept on the left moves up to what is kept on the right.
                parts[1] = parts[0];
                from++;
            }

            Exchange(first, end, parts[from..to]);
            return released;
        }

        /// <summary>Puts new locks in the place of those from <paramref name="first"/> up to <paramref
        /// name="end"/>.</summary>
        private void Exchange(int first, int end, ReadOnlySpan<RecordLock> parts)
        {
            int same = Math.Min(end - first, parts.Length);
            for (int i = 0; i < same; i++)
            {
                Locks[first + i] = parts[i];
            }

            if (end - first > same)
            {
                Locks.RemoveRange(first + same, end - first - same);
            }
            else
            {
                Locks.InsertRange(first + same, parts[same..]);
            }
        }

        /// <summary>Index of the first lock that ends at the offset or after it.</summary>
        private int FirstEndingAt(long offset)
        {
            int low = 0;
            int high = Locks.Count;
            while (low < high)
            {
                int middle = low + ((high - low) / 2);
                if (Locks[middle].End < offset)
                {
                    low = middle + 1;
                }
                else
                {
                    high = middle;
                }
            }

            return low;
        }
    }
}
