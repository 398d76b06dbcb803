using System;
using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using Ring0;

namespace Tests.Bench;

/// <summary>The page tables of the KVM platform.</summary>
public class PageTable
{
    private const ulong Page = PageTables.PageBytes;
    private const ulong Base = 1UL << 32;
    private const ulong Sixteen = 16 * Page;

    private PageTables _tables = null!;

    [GlobalSetup]
    public void Prepare()
    {
        Must.Hold(PageTables.TryCreate(new Memory(), PageSize.Bytes2M, out PageTables? tables));
        _tables = tables!;
        // A neighbour that stays, so that the table of the others does too.
        Must.Hold(_tables.Map(Base, Page, 0, PageFlags.User));
    }

    [GlobalCleanup]
    public void End() => _tables.Dispose();

    [Benchmark]
    public void MapAndUnmapSixteenPages()
    {
        Must.Hold(_tables.Map(Base + Sixteen, Sixteen, Sixteen, PageFlags.User | PageFlags.Writable));
        _tables.Unmap(Base + Sixteen, Sixteen);
    }

    [Benchmark]
    public PageTranslation Lookup()
    {
        Must.Hold(_tables.TryLookup(Base + 8, out PageTranslation translation));
        return translation;
    }

    /// <summary>Tables in arrays, found by their number.</summary>
    private sealed class Memory : ITableMemory
    {
        private const int Entry = 512;

        private readonly List<ulong[]> _pages = [];

        public bool TryAllocate(out ulong physical)
        {
            physical = (ulong)_pages.Count * Page;
            _pages.Add(new ulong[Entry]);
            return true;
        }

        public void Free(ulong physical)
        {
        }

        public Span<ulong> Entries(ulong physical) => _pages[(int)(physical / Page)];

        public void Changed(ulong physical)
        {
        }

        public void Mapped(ulong physical, ulong lengthBytes)
        {
        }

        public void Dropped(ulong physical, ulong lengthBytes)
        {
        }
    }
}
