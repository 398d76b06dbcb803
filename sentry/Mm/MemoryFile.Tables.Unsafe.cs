using System;
using System.Runtime.CompilerServices;
using Abi.Linux;
using HostOs;

namespace Sentry.Mm;

// SAFETY: the tables are host mappings made in CreateTables that live as long as this object; every span made over
// them has the length
// of its table, so that the runtime checks all indexes. Page addresses are formed only for ranges checked against the
// file's size.
public sealed unsafe partial class MemoryFile
{
    private nint _tables;
    private nuint _tablesBytes;
    private int* _pages;
    private ulong* _taken;
    private ulong* _dirty;
    private ushort* _freeInBlock;
    private ushort* _dirtyInBlock;

    private int BlockCount => _pageCount / PagesPerBlock;

    /// <summary>Per page: reference count and, above it, the kind. Touched entries only cost memory.</summary>
    private Span<int> Pages => new(_pages, _pageCount);

    /// <summary>One bit per page: handed out, or freed and not yet a hole again.</summary>
    private Span<ulong> Taken => new(_taken, _pageCount / 64);

    /// <summary>One bit per page: freed, but still holding old bytes.</summary>
    private Span<ulong> Dirty => new(_dirty, _pageCount / 64);

    /// <summary>Clear bits of <see cref="Taken"/> per block.</summary>
    private Span<ushort> FreeInBlock => new(_freeInBlock, BlockCount);

    /// <summary>Set bits of <see cref="Dirty"/> per block.</summary>
    private Span<ushort> DirtyInBlock => new(_dirtyInBlock, BlockCount);

    /// <inheritdoc/>
    public Errno MapInternal(ulong offset, ulong lengthBytes, out nuint address, out ulong contiguousBytes)
    {
        CheckRange(offset, lengthBytes);
        address = _base + (nuint)offset;
        contiguousBytes = lengthBytes;
        return Errno.None;
    }

    /// <summary>Writes into pages the caller holds a reference on.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> source)
    {
        CheckRange(offset, (ulong)source.Length);
        source.CopyTo(new Span<byte>((void*)(_base + (nuint)offset), source.Length));
    }

    /// <summary>Reads from pages the caller holds a reference on.</summary>
    public void Read(ulong offset, Span<byte> destination)
    {
        CheckRange(offset, (ulong)destination.Length);
        new ReadOnlySpan<byte>((void*)(_base + (nuint)offset), destination.Length).CopyTo(destination);
    }

    /// <summary>Zeroes bytes of pages the caller holds a reference on.</summary>
    public void Clear(ulong offset, ulong lengthBytes)
    {
        CheckRange(offset, lengthBytes);
        NativeClear(_base + (nuint)offset, (nuint)lengthBytes);
    }

    /// <summary>Copies between two ranges of pages the caller holds references on.</summary>
    internal void CopyPages(ulong destination, ulong source, ulong lengthBytes)
    {
        CheckRange(destination, lengthBytes);
        CheckRange(source, lengthBytes);
        Buffer.MemoryCopy((void*)(_base + (nuint)source), (void*)(_base + (nuint)destination), lengthBytes,
            lengthBytes);
    }

    private static void NativeClear(nuint address, nuint lengthBytes) =>
        System.Runtime.InteropServices.NativeMemory.Clear((void*)address, lengthBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckRange(ulong offset, ulong lengthBytes)
    {
        if (offset > SizeBytes || lengthBytes > SizeBytes - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(offset));
        }
    }

    private Errno CreateTables()
    {
        nuint pages = (nuint)_pageCount;
        nuint blocks = pages / PagesPerBlock;
        nuint pagesBytes = pages * sizeof(int);
        nuint bitsBytes = pages / 8;
        nuint blockBytes = RoundUpToPage(blocks * sizeof(ushort));
        _tablesBytes = pagesBytes + (2 * bitsBytes) + (2 * blockBytes);
        const int Flags = HostMman.MapPrivate | HostMman.MapAnonymous | HostMman.MapNoReserve;
        const int Access = HostMman.ProtRead | HostMman.ProtWrite;
        Errno error = HostMman.Map(0, _tablesBytes, Access, Flags, -1, 0, out _tables);
        if (error != Errno.None)
        {
            return error;
        }

        byte* at = (byte*)_tables;
        _pages = (int*)at;
        _taken = (ulong*)(at + pagesBytes);
        _dirty = (ulong*)(at + pagesBytes + bitsBytes);
        _freeInBlock = (ushort*)(at + pagesBytes + (2 * bitsBytes));
        _dirtyInBlock = (ushort*)(at + pagesBytes + (2 * bitsBytes) + blockBytes);
        FreeInBlock.Fill(PagesPerBlock);
        return Errno.None;
    }

    private void DisposeTables() => HostMman.Unmap(_tables, _tablesBytes);

    private static nuint RoundUpToPage(nuint bytes) => (bytes + 4095) & ~(nuint)4095;
}
