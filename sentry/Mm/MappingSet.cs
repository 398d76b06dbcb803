using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Mm;

/// <summary>
/// Who maps a file: the reverse map that a mappable keeps. Its lock is above the PMAs of address spaces, so that a
/// mapping cannot go away while
/// it is being invalidated.
/// </summary>
public sealed class MappingSet
{
    // Guards all fields.
    private readonly OrderedLock<MappableSetLevel> _lock = new();
    private readonly Dictionary<MemoryManager, RangeSet<Entry, Policy>> _users = new();
    private readonly Stack<RangeSet<Entry, Policy>> _spare = new();
    private long _writableBytes;
    private bool _writeForbidden;

    /// <summary>True when nobody maps the file.</summary>
    public bool IsEmpty
    {
        get
        {
            using (_lock.Enter())
            {
                return _users.Count == 0;
            }
        }
    }

    /// <summary>A mapping begins. EPERM when it is shared and writable and a seal forbids that.</summary>
    public Errno Add(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind)
    {
        using (_lock.Enter())
        {
            if (kind == MappingKind.SharedWritable)
            {
                if (_writeForbidden)
                {
                    return Errno.EPERM;
                }

                _writableBytes += (long)range.Length;
            }

            if (!_users.TryGetValue(mm, out RangeSet<Entry, Policy>? ranges))
            {
                ranges = _spare.Count > 0 ? _spare.Pop() : new RangeSet<Entry, Policy>();
                _users.Add(mm, ranges);
            }

            ranges.Merge(ranges.Insert(range, new Entry { Offset = offset, Kind = kind }));
            return Errno.None;
        }
    }

    /// <summary>A mapping, or a part of one, ends. True when it was the last of the file.</summary>
    public bool Remove(MemoryManager mm, GuestRange range, MappingKind kind)
    {
        using (_lock.Enter())
        {
            if (!_users.TryGetValue(mm, out RangeSet<Entry, Policy>? ranges))
            {
                return false;
            }

            int at = ranges.FindAtOrAfter(range.Start);
            while (at != 0 && ranges.Start(at) < range.End)
            {
                at = ranges.Isolate(at, range);
                int next = ranges.Next(at);
                ranges.Remove(at);
                at = next;
            }

            if (kind == MappingKind.SharedWritable)
            {
                _writableBytes -= (long)range.Length;
            }

            if (ranges.Count == 0)
            {
                _users.Remove(mm);
                _spare.Push(ranges);
            }

            return _users.Count == 0;
        }
    }

    /// <summary>Forbids shared writable mappings from now on; false when there is one (F_SEAL_WRITE: EBUSY).</summary>
    public bool TryForbidWrite()
    {
        using (_lock.Enter())
        {
            _writeForbidden |= _writableBytes == 0;
            return _writeForbidden;
        }
    }

    /// <summary>Forbids new shared writable mappings, whatever exists (F_SEAL_FUTURE_WRITE).</summary>
    public void ForbidNewWritable()
    {
        using (_lock.Enter())
        {
            _writeForbidden = true;
        }
    }

    /// <summary>
    /// Drops the translations of file bytes [offset, offset + length) in all address spaces. The caller has already
    /// made sure that new ones are
    /// not given, and holds no lock below <see cref="MappableSetLevel"/>.
    /// </summary>
    public void Invalidate(ulong offset, ulong lengthBytes, InvalidateKind kind)
    {
        ulong end = offset + Math.Min(lengthBytes, ulong.MaxValue - offset);
        using (_lock.Enter())
        {
            foreach (KeyValuePair<MemoryManager, RangeSet<Entry, Policy>> user in _users)
            {
                InvalidateOne(user.Key, user.Value, offset, end, kind);
            }
        }
    }

    private static void InvalidateOne(
        MemoryManager mm, RangeSet<Entry, Policy> ranges, ulong offset, ulong end, InvalidateKind kind)
    {
        for (int at = ranges.First; at != 0; at = ranges.Next(at))
        {
            GuestRange range = ranges.Range(at);
            ulong first = ranges.Value(at).Offset;
            ulong from = Math.Max(offset, first);
            ulong to = Math.Min(end, first + range.Length);
            if (from < to)
            {
                mm.InvalidateMapping(GuestRange.FromBounds(range.Start + (from - first), range.Start + (to - first)),
                    kind);
            }
        }
    }

    private struct Entry
    {
        public ulong Offset;
        public MappingKind Kind;
    }

    private readonly struct Policy : IRangePolicy<Entry>
    {
        public static Entry Split(ref Entry left, ulong distance) =>
            new() { Offset = left.Offset + distance, Kind = left.Kind };

        public static bool TryMerge(ref Entry left, ulong leftLength, in Entry right) =>
            left.Kind == right.Kind && left.Offset + leftLength == right.Offset;
    }
}
