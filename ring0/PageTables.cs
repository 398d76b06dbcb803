using System;
using System.Threading;

namespace Ring0;

/// <summary>
/// One tree of four-level page tables (SDM vol. 3, 4.5). Not thread-safe: its owner serialises edits; CPUs may walk it
/// meanwhile, and every state between two stores is a valid tree. Accessed and dirty bits are set in advance, so that
/// no CPU ever writes an entry.
/// </summary>
public sealed partial class PageTables : IDisposable
{
    /// <summary>Bytes of the smallest page and of every table.</summary>
    public const ulong PageBytes = 4096;

    private const int EntriesPerTable = 512;
    private const int PageShift = 12;
    private const int IndexBits = 9;
    private const int TopLevel = 3;

    /// <summary>Bits 12 to 51.</summary>
    private const ulong AddressMask = 0x000f_ffff_ffff_f000;

    private const PageFlags TableFlags =
        PageFlags.Present | PageFlags.Writable | PageFlags.User | PageFlags.Accessed;

    private const PageFlags LeafFlags = PageFlags.Present | PageFlags.Accessed | PageFlags.Dirty;

    private readonly ITableMemory _memory;
    private readonly PageSize _largest;
    private readonly ulong[] _shared = new ulong[EntriesPerTable / 64];

    /// <summary>Entries of the top table whose tables stay when they become empty.</summary>
    private readonly ulong[] _reserved = new ulong[EntriesPerTable / 64];

    private PageTables(ITableMemory memory, PageSize largest, ulong root)
    {
        _memory = memory;
        _largest = largest;
        Root = root;
    }

    /// <summary>Physical address of the top table: what CR3 holds.</summary>
    public ulong Root { get; }

    /// <summary>An empty tree; false when there is no memory for its top.</summary>
    public static bool TryCreate(ITableMemory memory, PageSize largest, out PageTables? tables)
    {
        tables = memory.TryAllocate(out ulong root) ? new PageTables(memory, largest, root) : null;
        return tables is not null;
    }

    /// <summary>
    /// Puts an entry of another tree's top table into this one: the 512 GiB it covers are shared, and never freed with
    /// this tree.
    /// </summary>
    public void Share(PageTables other, ulong address)
    {
        int index = IndexOf(address, TopLevel);
        _memory.Entries(Root)[index] = _memory.Entries(other.Root)[index];
        _shared[index >> 6] |= 1UL << (index & 63);
    }

    /// <summary>
    /// Makes the table below an entry of the top table and keeps it, so that trees it is shared with see what is mapped
    /// there later. False without memory.
    /// </summary>
    public bool Reserve(ulong address)
    {
        int index = IndexOf(address, TopLevel);
        ref ulong entry = ref _memory.Entries(Root)[index];
        _reserved[index >> 6] |= 1UL << (index & 63);
        if (!IsPresent(entry))
        {
            if (!_memory.TryAllocate(out ulong made))
            {
                return false;
            }
            Store(ref entry, made | (ulong)TableFlags);
        }
        return true;
    }

    /// <summary>
    /// Maps <paramref name="lengthBytes"/> bytes, replacing what was there, with pages as large as alignment and the
    /// limit allow. All of it is multiples of the page size. False when there is no memory for a table: then nothing
    /// is mapped in the range.
    /// </summary>
    public bool Map(ulong address, ulong lengthBytes, ulong physical, PageFlags flags)
    {
        var edit = new Edit(EditKind.Map, address, physical, flags | LeafFlags);
        if (Walk(Root, TopLevel, address, address + lengthBytes - 1, in edit))
        {
            return true;
        }
        Unmap(address, lengthBytes);
        return false;
    }

    /// <summary>Drops every translation in the range and frees tables that become empty.</summary>
    public void Unmap(ulong address, ulong lengthBytes)
    {
        var edit = new Edit(EditKind.Unmap, address, 0, PageFlags.None);
        Walk(Root, TopLevel, address, address + lengthBytes - 1, in edit);
    }

    /// <summary>
    /// Gives the translations present in the range other flags. A large page that sticks out of the range and cannot
    /// be split for want of memory is dropped.
    /// </summary>
    public void Protect(ulong address, ulong lengthBytes, PageFlags flags)
    {
        var edit = new Edit(EditKind.Protect, address, 0, flags | LeafFlags);
        Walk(Root, TopLevel, address, address + lengthBytes - 1, in edit);
    }

    /// <summary>What an address translates to.</summary>
    public bool TryLookup(ulong address, out PageTranslation translation)
    {
        translation = default;
        ulong table = Root;
        for (int level = TopLevel; level >= 0; level--)
        {
            ulong entry = _memory.Entries(table)[IndexOf(address, level)];
            if (!IsPresent(entry))
            {
                return false;
            }
            if (IsLeaf(entry, level))
            {
                ulong offset = address & (SpanOf(level) - 1);
                translation = new PageTranslation(
                    PhysicalOf(entry, level) + offset, (PageFlags)(entry & ~AddressMask), (PageSize)level);
                return true;
            }
            table = entry & AddressMask;
        }
        return false;
    }

    /// <summary>Drops every translation and frees every table but shared ones.</summary>
    public void Dispose()
    {
        Span<ulong> top = _memory.Entries(Root);
        for (int i = 0; i < EntriesPerTable; i++)
        {
            if (!IsShared(i))
            {
                Remove(ref top[i], TopLevel);
            }
            top[i] = 0;
        }
        _memory.Free(Root);
    }

    /// <summary>Bytes that one entry of a level covers; level 0 is the page table.</summary>
    private static ulong SpanOf(int level) => 1UL << (PageShift + (IndexBits * level));

    private static int IndexOf(ulong address, int level) =>
        (int)(address >> (PageShift + (IndexBits * level))) & (EntriesPerTable - 1);

    private static bool IsPresent(ulong entry) => (entry & (ulong)PageFlags.Present) != 0;

    private static bool IsLeaf(ulong entry, int level) => level == 0 || (entry & (ulong)PageFlags.Large) != 0;

    private static ulong PhysicalOf(ulong entry, int level) => entry & AddressMask & ~(SpanOf(level) - 1);

    private bool IsReserved(int topIndex) => ((_reserved[topIndex >> 6] >> (topIndex & 63)) & 1) != 0;

    private bool IsShared(int topIndex) => ((_shared[topIndex >> 6] >> (topIndex & 63)) & 1) != 0;

    private static void Store(ref ulong entry, ulong value) => Volatile.Write(ref entry, value);
}
