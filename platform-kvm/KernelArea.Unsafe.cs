using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// One GiB of process memory that every guest page table maps for ring 0 in the upper half: code, tables, vCPU blocks.
/// Touched on demand.
/// </summary>
// SAFETY: the reservation is made once, as long as the class says, and unmapped in Dispose; every span lies within it.
internal sealed unsafe class KernelArea : IDisposable
{
    /// <summary>Where ring 0 sees the area: the last but one entry of the top table.</summary>
    public const ulong UpperBase = 0xffffff0000000000;

    private const ulong AreaBytes = PhysicalMap.ChunkBytes;

    /// <summary>Where in the area the second piece of code lies.</summary>
    private const int SecondCode = 32 * 1024;
    private const int CodeBytes = 64 * 1024;
    private const ulong Page = PageTables.PageBytes;

    private readonly nint _reservation;
    private readonly byte* _base;
    private readonly Lock _gate = new();

    /// <summary>Pages given back; guarded by <see cref="_gate"/>.</summary>
    private readonly Stack<ulong> _free = new();

    /// <summary>First offset never given out; guarded by <see cref="_gate"/>.</summary>
    private ulong _next = CodeBytes;

    private KernelArea(nint reservation, nint address, ulong physical)
    {
        _reservation = reservation;
        _base = (byte*)address;
        Physical = physical;
    }

    /// <summary>Physical address of the area.</summary>
    public ulong Physical { get; }

    /// <summary>Where the process has it.</summary>
    public nint HostAddress => (nint)_base;

    public static Errno Create(PhysicalMap map, out KernelArea? area)
    {
        area = null;
        Errno error = HostMman.Map(
            0, (nuint)(2 * AreaBytes), HostMman.ProtRead | HostMman.ProtWrite,
            HostMman.MapPrivate | HostMman.MapAnonymous | HostMman.MapNoReserve, -1, 0, out nint reservation);
        if (error != Errno.None)
        {
            return error;
        }
        nint address = (nint)(((ulong)reservation + AreaBytes - 1) & ~(AreaBytes - 1));
        HostMman.Advise(reservation, (nuint)(2 * AreaBytes), HostMman.MadvDontFork);
        error = map.TryGetPhysical(address, out ulong physical);
        if (error != Errno.None)
        {
            HostMman.Unmap(reservation, (nuint)(2 * AreaBytes));
            return error;
        }
        area = new KernelArea(reservation, address, physical);
        return Errno.None;
    }

    /// <summary>Maps the area for ring 0: code read and execute only, the rest data.</summary>
    public bool MapInto(PageTables tables) =>
        tables.Map(UpperBase, CodeBytes, Physical, PageFlags.None)
        && tables.Map(
            UpperBase + CodeBytes, AreaBytes - CodeBytes, Physical + CodeBytes,
            PageFlags.Writable | PageFlags.NoExecute);

    /// <summary>Maps what guests' tables have of the area when they have not all: the code.</summary>
    public bool MapCodeInto(PageTables tables) => tables.Map(UpperBase, CodeBytes, Physical, PageFlags.None);

    /// <summary>Maps one page of data, as <see cref="MapInto"/> does.</summary>
    public bool MapPageInto(PageTables tables, ulong physical) =>
        tables.Map(UpperOf(physical), Page, physical, PageFlags.Writable | PageFlags.NoExecute);

    /// <summary>Puts the code at the start of the area.</summary>
    public void LoadCode(ReadOnlySpan<byte> code) => code.CopyTo(new Span<byte>(_base, SecondCode));

    /// <summary>Where the second piece of code goes, as the process and as ring 0 have it.</summary>
    public (nint Host, ulong Upper) SecondCodeAddress => (HostAddress + SecondCode, UpperBase + SecondCode);

    /// <summary>Loads code that the process runs too, and makes all code executable and read-only for it.</summary>
    public Errno LoadSecondCode(ReadOnlySpan<byte> code)
    {
        code.CopyTo(new Span<byte>(_base + SecondCode, CodeBytes - SecondCode));
        return HostMman.Protect(HostAddress, CodeBytes, HostMman.ProtRead | HostMman.ProtExec);
    }

    /// <summary>
    /// Zeroed pages, in one piece. <paramref name="reused"/> tells whether the page has been one before; only single
    /// pages are. False when the area is full.
    /// </summary>
    public bool TryAllocate(ulong lengthBytes, out ulong physical, out bool reused)
    {
        lock (_gate)
        {
            if (lengthBytes == Page && _free.TryPop(out physical))
            {
                reused = true;
            }
            else
            {
                reused = false;
                physical = Physical + _next;
                if (_next + lengthBytes > AreaBytes)
                {
                    return false;
                }
                _next += lengthBytes;
            }
        }
        if (reused)
        {
            BytesAt(physical, (int)Page).Clear();
        }
        return true;
    }

    /// <summary>Gives a single page back.</summary>
    public void Free(ulong physical)
    {
        lock (_gate)
        {
            _free.Push(physical);
        }
    }

    /// <summary>The entries of a table of the area.</summary>
    public Span<ulong> TableAt(ulong physical) => new(_base + OffsetOf(physical, Page), (int)(Page / sizeof(ulong)));

    /// <summary>Memory of the area.</summary>
    public Span<byte> BytesAt(ulong physical, int length) => new(_base + OffsetOf(physical, (ulong)length), length);

    /// <summary>Where the process has physical memory of the area.</summary>
    public nint HostOf(ulong physical) => HostAddress + (nint)OffsetOf(physical, 1);

    /// <summary>Where ring 0 sees physical memory of the area.</summary>
    public ulong UpperOf(ulong physical) => UpperBase + OffsetOf(physical, 1);

    /// <summary>The converse of <see cref="UpperOf"/>.</summary>
    public ulong PhysicalOfUpper(ulong upper) => Physical + OffsetOf(Physical + (upper - UpperBase), 1);

    public void Dispose() => HostMman.Unmap(_reservation, (nuint)(2 * AreaBytes));

    private ulong OffsetOf(ulong physical, ulong length)
    {
        ulong offset = unchecked(physical - Physical);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, AreaBytes - length);
        return offset;
    }
}
