using System;
using System.Collections.Generic;
using global::Ring0;
using Xunit;

namespace Tests.Ring0;

/// <summary>Page tables against a dictionary of pages.</summary>
public sealed class PageTableTests
{
    private const ulong Page = PageTables.PageBytes;
    private const ulong Large = 2UL << 20;
    private const ulong Huge = 1UL << 30;
    private const PageFlags Preset = PageFlags.Present | PageFlags.Accessed | PageFlags.Dirty;

    private static readonly PageFlags[] Rights =
    [
        PageFlags.User, PageFlags.User | PageFlags.Writable, PageFlags.User | PageFlags.NoExecute,
        PageFlags.NoExecute, PageFlags.Writable | PageFlags.NoExecute,
    ];

    [Theory]
    [InlineData(1, PageSize.Bytes4K)]
    [InlineData(2, PageSize.Bytes2M)]
    [InlineData(3, PageSize.Bytes1G)]
    [InlineData(4, PageSize.Bytes1G)]
    public void Random_operations_give_what_a_dictionary_gives(int seed, PageSize largest)
    {
        var random = new Random(seed);
        var memory = new FakeTableMemory();
        Assert.True(PageTables.TryCreate(memory, largest, out PageTables? tables));
        var model = new Dictionary<ulong, (ulong Physical, PageFlags Flags)>();
        for (int i = 0; i < 3000; i++)
        {
            // A window of 4 MiB around a border of every level, now and then in whole large pages.
            ulong window = (1UL << 39) - Large;
            bool whole = random.Next(8) == 0;
            ulong unit = whole ? Large : Page;
            ulong start = window + (unit * (ulong)random.Next(whole ? 2 : 1024));
            ulong length = ulong.Min(unit * (ulong)random.Next(1, whole ? 3 : 40), window + (2 * Large) - start);
            PageFlags flags = Rights[random.Next(Rights.Length)];
            ulong physical = whole ? Large * (ulong)random.Next(9) : Page * (ulong)random.Next(1 << 20);
            Apply(tables!, model, random.Next(3), start, length, physical, flags);
            Check(tables!, model, random, window);
        }
        Assert.Equal(Page * (ulong)model.Count, memory.Balance);
        tables!.Dispose();
        Assert.Equal((0UL, 0), (memory.Balance, memory.Count));
    }

    [Fact]
    public void Pages_are_as_large_as_alignment_and_limit_allow()
    {
        var memory = new FakeTableMemory();
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes1G, out PageTables? tables));
        Assert.True(tables!.Map(Huge - Page, (2 * Huge) + (2 * Page), (4 * Huge) - Page, PageFlags.User));
        (ulong Address, PageSize Size)[] expected =
        [
            (Huge - Page, PageSize.Bytes4K), (Huge, PageSize.Bytes1G), ((3 * Huge) - 1, PageSize.Bytes1G),
            (3 * Huge, PageSize.Bytes4K),
        ];
        foreach ((ulong address, PageSize size) in expected)
        {
            Assert.True(tables.TryLookup(address, out PageTranslation found));
            Assert.Equal((size, address + (3 * Huge)), (found.Size, found.Physical));
        }
        tables.Protect(Huge + Large, Page, PageFlags.User | PageFlags.NoExecute);
        Assert.True(tables.TryLookup(Huge, out PageTranslation split));
        Assert.Equal(PageSize.Bytes2M, split.Size);
        Assert.True(tables.TryLookup(Huge + Large + 5, out split));
        Assert.Equal((PageSize.Bytes4K, (4 * Huge) + Large + 5), (split.Size, split.Physical));
        Assert.Equal(Preset | PageFlags.User | PageFlags.NoExecute, split.Flags);
        tables.Dispose();
    }

    [Fact]
    public void Empty_tables_are_freed()
    {
        var memory = new FakeTableMemory();
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes4K, out PageTables? tables));
        Assert.True(tables!.Map(Huge - Page, 2 * Page, 0, PageFlags.User));
        Assert.Equal(6, memory.Count);
        tables.Unmap(Huge - Page, Page);
        Assert.Equal(4, memory.Count);
        tables.Unmap(0, 1UL << 47);
        Assert.Equal((1, 0UL), (memory.Count, memory.Balance));
        tables.Dispose();
    }

    [Fact]
    public void A_failed_map_leaves_nothing_behind()
    {
        for (int budget = 0; budget < 6; budget++)
        {
            var memory = new FakeTableMemory();
            Assert.True(PageTables.TryCreate(memory, PageSize.Bytes4K, out PageTables? tables));
            memory.Budget = budget;
            bool mapped = tables!.Map(Huge - Page, 2 * Page, 0, PageFlags.User);
            Assert.Equal(budget == 5, mapped);
            Assert.Equal(mapped ? 6 : 1, memory.Count);
            Assert.Equal(mapped ? 2 * Page : 0, memory.Balance);
            tables.Dispose();
        }
    }

    [Fact]
    public void Without_memory_to_split_it_a_large_page_is_dropped_as_a_whole()
    {
        var memory = new FakeTableMemory();
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes2M, out PageTables? tables));
        Assert.True(tables!.Map(0, 2 * Large, 0, PageFlags.User));
        memory.Budget = 0;
        tables.Protect(Page, Page, PageFlags.None);
        Assert.False(tables.TryLookup(0, out _));
        Assert.True(tables.TryLookup(Large, out _));
        Assert.Equal(Large, memory.Balance);
        tables.Dispose();
    }

    [Fact]
    public void Only_changes_of_present_entries_ask_for_an_invalidation()
    {
        var memory = new FakeTableMemory();
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes4K, out PageTables? tables));
        tables!.Map(Huge, 8 * Page, 0, PageFlags.User);
        tables.Map(Huge, 8 * Page, 0, PageFlags.User);
        tables.Protect(Huge + (8 * Page), Page, PageFlags.None);
        tables.Unmap(2 * Huge, Huge);
        Assert.Equal(0, memory.Changes);
        tables.Protect(Huge, Page, PageFlags.None);
        Assert.Equal(1, memory.Changes);
        tables.Dispose();
    }

    [Fact]
    public void A_shared_part_belongs_to_its_first_tree()
    {
        var memory = new FakeTableMemory();
        const ulong Upper = 0xffffff0000000000;
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes4K, out PageTables? kernel));
        Assert.True(kernel!.Map(Upper, Page, 77 * Page, PageFlags.NoExecute));
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes4K, out PageTables? guest));
        guest!.Share(kernel, Upper);
        Assert.True(guest.TryLookup(Upper + 3, out PageTranslation found));
        Assert.Equal((77 * Page) + 3, found.Physical);
        guest.Dispose();
        Assert.True(kernel.TryLookup(Upper, out _));
        kernel.Dispose();
        Assert.Equal(0, memory.Count);
    }

    [Fact]
    public void What_is_mapped_later_in_a_reserved_part_is_seen_by_trees_that_share_it()
    {
        var memory = new FakeTableMemory();
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes1G, out PageTables? kernel));
        Assert.True(kernel!.Reserve(5 * Huge));
        Assert.True(kernel.Reserve(6 * Huge));
        Assert.Equal(2, memory.Count);
        Assert.True(PageTables.TryCreate(memory, PageSize.Bytes4K, out PageTables? guest));
        guest!.Share(kernel, 5 * Huge);
        for (int i = 0; i < 2; i++)
        {
            Assert.True(kernel.Map(5 * Huge, Huge, 7 * Huge, PageFlags.Writable));
            Assert.True(guest.TryLookup((5 * Huge) + 9, out PageTranslation found));
            Assert.Equal((7 * Huge) + 9, found.Physical);
            kernel.Unmap(5 * Huge, Huge);
            Assert.False(guest.TryLookup(5 * Huge, out _));
        }
        guest.Dispose();
        kernel.Dispose();
        Assert.Equal((0, 0UL), (memory.Count, memory.Balance));
    }

    private static void Apply(
        PageTables tables, Dictionary<ulong, (ulong Physical, PageFlags Flags)> model, int kind, ulong start,
        ulong length, ulong physical, PageFlags flags)
    {
        switch (kind)
        {
            case 0:
                Assert.True(tables.Map(start, length, physical, flags));
                break;
            case 1:
                tables.Unmap(start, length);
                break;
            default:
                tables.Protect(start, length, flags);
                break;
        }
        for (ulong at = start; at < start + length; at += Page)
        {
            if (kind == 0)
            {
                model[at] = (physical + (at - start), flags | Preset);
            }
            else if (kind == 1)
            {
                model.Remove(at);
            }
            else if (model.TryGetValue(at, out (ulong Physical, PageFlags Flags) known))
            {
                model[at] = (known.Physical, flags | Preset);
            }
        }
    }

    private static void Check(
        PageTables tables, Dictionary<ulong, (ulong Physical, PageFlags Flags)> model, Random random, ulong window)
    {
        for (int i = 0; i < 20; i++)
        {
            ulong at = window + (Page * (ulong)random.Next(1024));
            bool mapped = tables.TryLookup(at + 9, out PageTranslation found);
            Assert.Equal(model.TryGetValue(at, out (ulong Physical, PageFlags Flags) known), mapped);
            if (mapped)
            {
                Assert.Equal((known.Physical + 9, known.Flags), (found.Physical, found.Flags & ~PageFlags.Large));
            }
        }
    }
}
