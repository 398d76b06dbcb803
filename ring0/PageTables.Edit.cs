using System;

namespace Ring0;

/// <summary>One walk that all changes share.</summary>
public sealed partial class PageTables
{
    private enum EditKind
    {
        Map,
        Unmap,
        Protect,
    }

    /// <summary>What a walk does to the pages of its range.</summary>
    /// <param name="Kind">The change.</param>
    /// <param name="Start">First address of the whole edit, which <paramref name="Physical"/> belongs to.</param>
    /// <param name="Physical">For a map, where the range lies.</param>
    /// <param name="Flags">For map and protect, the flags of a 4 KiB entry.</param>
    private readonly record struct Edit(EditKind Kind, ulong Start, ulong Physical, PageFlags Flags);

    /// <summary>
    /// Edits what lies between two addresses, both included, below one table. False when a map finds no memory.
    /// </summary>
    private bool Walk(ulong table, int level, ulong first, ulong last, in Edit edit)
    {
        Span<ulong> entries = _memory.Entries(table);
        ulong span = SpanOf(level);
        for (ulong at = first; ;)
        {
            ulong end = ulong.Min(at | (span - 1), last);
            ref ulong entry = ref entries[IndexOf(at, level)];
            bool whole = (at & (span - 1)) == 0 && end - at == span - 1;
            if (!EditEntry(table, ref entry, level, whole, at, end, in edit))
            {
                return false;
            }
            if (end == last)
            {
                return true;
            }
            at = end + 1;
        }
    }

    private bool EditEntry(
        ulong table, ref ulong entry, int level, bool whole, ulong first, ulong last, in Edit edit)
    {
        ulong physical = edit.Physical + (first - edit.Start);
        bool fits = level == 0 || (level <= (int)_largest && (physical & (SpanOf(level) - 1)) == 0);
        if (whole && edit.Kind == EditKind.Map && fits)
        {
            SetLeaf(table, ref entry, level, physical | (ulong)edit.Flags | LargeBit(level), edit.Kind);
            return true;
        }
        if (!IsPresent(entry))
        {
            return edit.Kind != EditKind.Map || Descend(table, ref entry, level, first, last, in edit);
        }
        if (whole && edit.Kind == EditKind.Unmap)
        {
            RemoveChanged(table, ref entry, level);
            return true;
        }
        if (IsLeaf(entry, level))
        {
            if (whole && edit.Kind == EditKind.Protect)
            {
                ulong same = PhysicalOf(entry, level);
                SetLeaf(table, ref entry, level, same | (ulong)edit.Flags | LargeBit(level), edit.Kind);
                return true;
            }
            if (!Split(table, ref entry, level))
            {
                // A translation may always be dropped: whoever needs it asks again.
                RemoveChanged(table, ref entry, level);
                return edit.Kind != EditKind.Map;
            }
        }
        return Descend(table, ref entry, level, first, last, in edit);
    }

    /// <summary>Goes on in the table below, made if need be and freed if left empty.</summary>
    private bool Descend(ulong table, ref ulong entry, int level, ulong first, ulong last, in Edit edit)
    {
        if (!IsPresent(entry))
        {
            if (!_memory.TryAllocate(out ulong made))
            {
                return false;
            }
            Store(ref entry, made | (ulong)TableFlags);
        }
        ulong child = entry & AddressMask;
        bool done = Walk(child, level - 1, first, last, in edit);
        bool stays = level == TopLevel && IsReserved(IndexOf(first, TopLevel));
        if (edit.Kind != EditKind.Protect && !stays && IsEmpty(child))
        {
            Store(ref entry, 0);
            _memory.Changed(table);
            _memory.Free(child);
        }
        return done;
    }

    /// <summary>Replaces an entry by a leaf; a map lets go of what was there, a protect keeps the page.</summary>
    private void SetLeaf(ulong table, ref ulong entry, int level, ulong value, EditKind kind)
    {
        ulong old = entry;
        Store(ref entry, value);
        if (kind == EditKind.Map)
        {
            _memory.Mapped(PhysicalOf(value, level), SpanOf(level));
        }
        if (!IsPresent(old))
        {
            return;
        }
        if (old != value)
        {
            _memory.Changed(table);
        }
        if (kind == EditKind.Map)
        {
            Discard(old, level);
        }
    }

    private void RemoveChanged(ulong table, ref ulong entry, int level)
    {
        _memory.Changed(table);
        Remove(ref entry, level);
    }

    private void Remove(ref ulong entry, int level)
    {
        ulong old = entry;
        if (IsPresent(old))
        {
            Store(ref entry, 0);
            Discard(old, level);
        }
    }

    /// <summary>An entry has been unlinked: reports its pages, frees its tables.</summary>
    private void Discard(ulong old, int level)
    {
        if (IsLeaf(old, level))
        {
            _memory.Dropped(PhysicalOf(old, level), SpanOf(level));
            return;
        }
        ulong child = old & AddressMask;
        Span<ulong> entries = _memory.Entries(child);
        for (int i = entries.IndexOfAnyExcept(0UL); i >= 0 && i < EntriesPerTable; i++)
        {
            if (IsPresent(entries[i]))
            {
                Discard(entries[i], level - 1);
            }
        }
        _memory.Free(child);
    }

    /// <summary>Makes a large page a table of pages one size smaller that translate the same.</summary>
    private bool Split(ulong table, ref ulong entry, int level)
    {
        if (!_memory.TryAllocate(out ulong child))
        {
            return false;
        }
        ulong flags = entry & ~AddressMask & ~(ulong)PageFlags.Large;
        ulong physical = PhysicalOf(entry, level);
        Span<ulong> entries = _memory.Entries(child);
        for (int i = 0; i < EntriesPerTable; i++)
        {
            entries[i] = (physical + ((ulong)i * SpanOf(level - 1))) | flags | LargeBit(level - 1);
        }
        Store(ref entry, child | (ulong)TableFlags);
        _memory.Changed(table);
        return true;
    }

    private bool IsEmpty(ulong table) => !_memory.Entries(table).ContainsAnyExcept(0UL);

    private static ulong LargeBit(int level) => level == 0 ? 0 : (ulong)PageFlags.Large;
}
