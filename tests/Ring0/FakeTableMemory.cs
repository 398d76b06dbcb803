using System;
using System.Collections.Generic;
using global::Ring0;
using Xunit;

namespace Tests.Ring0;

/// <summary>Tables in arrays. Checks what the page tables promise their owner.</summary>
internal sealed class FakeTableMemory : ITableMemory
{
    private readonly Dictionary<ulong, ulong[]> _tables = [];
    private ulong _next = 1UL << 40;

    /// <summary>Tables that may still be made.</summary>
    public int Budget { get; set; } = int.MaxValue;

    /// <summary>Tables in use.</summary>
    public int Count => _tables.Count;

    /// <summary>Bytes mapped less bytes dropped.</summary>
    public ulong Balance { get; private set; }

    /// <summary>Times an entry was changed that a CPU may have cached.</summary>
    public int Changes { get; private set; }

    public bool TryAllocate(out ulong physical)
    {
        physical = _next;
        if (Budget == 0)
        {
            return false;
        }
        Budget--;
        _next += PageTables.PageBytes;
        _tables.Add(physical, new ulong[512]);
        return true;
    }

    public void Free(ulong physical) => Assert.True(_tables.Remove(physical), "freed twice");

    public Span<ulong> Entries(ulong physical) => _tables[physical];

    public void Changed(ulong physical)
    {
        Assert.True(_tables.ContainsKey(physical));
        Changes++;
    }

    public void Mapped(ulong physical, ulong lengthBytes) => Balance += lengthBytes;

    public void Dropped(ulong physical, ulong lengthBytes) => Balance -= lengthBytes;
}
