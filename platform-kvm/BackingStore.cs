using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// Host files as guest-physical memory. Pieces of files are mapped into one large reservation of the process, whose
/// addresses have memory slots; a piece goes when no guest maps any of it and newer ones have been idle since.
/// </summary>
internal sealed class BackingStore : IDisposable
{
    private const ulong ReservationBytes = 512UL << 30;
    private const ulong SmallBytes = 2UL << 20;
    private const ulong LargeBytes = 64UL << 20;
    private const ulong SlabBytes = PhysicalMap.ChunkBytes;
    private const int UnitsPerSlab = (int)(SlabBytes / SmallBytes);
    private const int MaxIdle = 64;

    /// <summary>From here on one host call costs less than touching each page.</summary>
    private const ulong PopulateCallBytes = 32 * PageTables.PageBytes;
    private const int WritableProtection = HostMman.ProtRead | HostMman.ProtWrite;
    private const int ReserveFlags = HostMman.MapPrivate | HostMman.MapAnonymous | HostMman.MapNoReserve;

    private static readonly nuint MappedBytes = unchecked((nuint)(ReservationBytes + SlabBytes));

    private readonly PhysicalMap _map;
    private readonly nint _reservation;
    private readonly nint _base;

    /// <summary>Guards everything below. Taken under an address space's lock.</summary>
    private readonly Lock _gate = new();

    private readonly Dictionary<PieceKey, Piece> _pieces = [];

    /// <summary>Pieces by address, in units of the small size; a large piece is at its first unit.</summary>
    private readonly Piece?[] _units = new Piece?[ReservationBytes / SmallBytes];

    private readonly Stack<int> _freeSmall = new();
    private readonly Stack<int> _freeLarge = new();

    /// <summary>Pieces that were idle when they were put here, oldest first.</summary>
    private readonly Queue<Piece> _idle = new();

    private int _nextSlab;

    /// <summary>The descriptor that names the same file for good; set before guests run.</summary>
    private FileIdentity _kept = new(-1, 0, 0, false, 0);

    private BackingStore(PhysicalMap map, nint reservation)
    {
        _map = map;
        _reservation = reservation;
        _base = (nint)(((ulong)reservation + SlabBytes - 1) & ~(SlabBytes - 1));
    }

    public static Errno Create(PhysicalMap map, out BackingStore? store)
    {
        Errno error = HostMman.Map(
            0, MappedBytes, HostMman.ProtNone, ReserveFlags, -1, 0, out nint reservation);
        store = error == Errno.None ? new BackingStore(map, reservation) : null;
        return error;
    }

    /// <summary>
    /// The physical address of a byte of a file, and how many bytes follow it in one piece. The piece stays until
    /// <see cref="Release"/>, and longer while pages of it are reported as mapped.
    /// </summary>
    public Errno Acquire(int fd, ulong fileOffset, out ulong physical, out ulong available)
    {
        physical = 0;
        available = 0;
        FileIdentity file = _kept;
        Errno error = fd == file.Descriptor ? Errno.None : Identify(fd, out file);
        if (error != Errno.None)
        {
            return error;
        }
        lock (_gate)
        {
            ulong bytes = file.PieceBytes;
            var key = new PieceKey(file.Device, file.Inode, file.Writable, bytes, fileOffset & ~(bytes - 1));
            if (!_pieces.TryGetValue(key, out Piece? piece))
            {
                error = AddLocked(fd, key, out piece);
                if (error != Errno.None)
                {
                    return error;
                }
            }
            piece!.Uses++;
            ulong within = fileOffset - key.FileOffset;
            available = bytes - within;
            return _map.TryGetPhysical(AddressOf(piece.Unit) + (nint)within, out physical);
        }
    }

    /// <summary>Remembers what a descriptor names: it will not change.</summary>
    public Errno Keep(int fd) => Identify(fd, out _kept);

    /// <summary>Makes the host have the pages of a range of one piece, as far as the file goes.</summary>
    public void Populate(ulong physical, ulong lengthBytes)
    {
        nint address = _map.AddressOf(physical);
        if (lengthBytes >= PopulateCallBytes)
        {
            HostMman.Advise(address, (nuint)lengthBytes, HostMman.MadvPopulateRead);
            return;
        }
        for (ulong at = 0; at < lengthBytes; at += PageTables.PageBytes)
        {
            SafeCopy.Load32(address + (nint)at, out _);
        }
    }

    /// <summary>The caller of <see cref="Acquire"/> has mapped what it wanted.</summary>
    public void Release(ulong physical) => Count(physical, -1);

    /// <summary>A page table maps bytes of one piece.</summary>
    public void Mapped(ulong physical, ulong lengthBytes) => Count(physical, (long)lengthBytes);

    /// <summary>A page table no longer maps bytes of one piece.</summary>
    public void Dropped(ulong physical, ulong lengthBytes) => Count(physical, -(long)lengthBytes);

    public void Dispose() => HostMman.Unmap(_reservation, MappedBytes);

    private static Errno Identify(int fd, out FileIdentity file)
    {
        file = default;
        Errno error = HostStat.Fstat(fd, out Stat stat);
        if (error != Errno.None)
        {
            return error;
        }
        error = HostFcntl.Fcntl(fd, Fcntl.F_GETFL, 0, out int flags);
        bool writable = (flags & Fcntl.O_ACCMODE) == Fcntl.O_RDWR;
        ulong bytes = (ulong)stat.st_size >= LargeBytes ? LargeBytes : SmallBytes;
        file = new FileIdentity(fd, stat.st_dev, stat.st_ino, writable, bytes);
        return error;
    }

    private void Count(ulong physical, long uses)
    {
        lock (_gate)
        {
            int unit = (int)((ulong)(_map.AddressOf(physical) - _base) / SmallBytes);
            Piece? piece = _units[unit] ?? _units[unit & ~(int)((LargeBytes / SmallBytes) - 1)];
            piece!.Uses += uses;
            if (piece.Uses == 0 && !piece.Queued)
            {
                piece.Queued = true;
                _idle.Enqueue(piece);
                EvictLocked();
            }
        }
    }

    private void EvictLocked()
    {
        while (_idle.Count > MaxIdle)
        {
            Piece piece = _idle.Dequeue();
            piece.Queued = false;
            if (piece.Uses == 0)
            {
                // KVM is told by the kernel and forgets the pages before this returns.
                HostMman.Map(
                    AddressOf(piece.Unit), (nuint)piece.Key.LengthBytes, HostMman.ProtNone,
                    ReserveFlags | HostMman.MapFixed, -1, 0, out _);
                _pieces.Remove(piece.Key);
                _units[piece.Unit] = null;
                FreeUnits(piece.Key.LengthBytes).Push(piece.Unit);
            }
        }
    }

    private Errno AddLocked(int fd, in PieceKey key, out Piece? piece)
    {
        piece = null;
        if (!TryTakeUnit(key.LengthBytes, out int unit))
        {
            return Errno.ENOMEM;
        }
        Errno error = HostMman.Map(
            AddressOf(unit), (nuint)key.LengthBytes, key.Writable ? WritableProtection : HostMman.ProtRead,
            HostMman.MapShared | HostMman.MapFixed | HostMman.MapNoReserve, fd, (long)key.FileOffset, out _);
        if (error != Errno.None)
        {
            FreeUnits(key.LengthBytes).Push(unit);
            return error;
        }
        piece = new Piece(key, unit);
        _pieces.Add(key, piece);
        _units[unit] = piece;
        return Errno.None;
    }

    private Stack<int> FreeUnits(ulong bytes) => bytes == LargeBytes ? _freeLarge : _freeSmall;

    private bool TryTakeUnit(ulong bytes, out int unit)
    {
        Stack<int> free = FreeUnits(bytes);
        if (free.Count == 0 && _nextSlab < (int)(ReservationBytes / SlabBytes))
        {
            int first = _nextSlab++ * UnitsPerSlab;
            for (int i = UnitsPerSlab - (int)(bytes / SmallBytes); i >= 0; i -= (int)(bytes / SmallBytes))
            {
                free.Push(first + i);
            }
        }
        return free.TryPop(out unit);
    }

    private nint AddressOf(int unit) => _base + (nint)((ulong)unit * SmallBytes);

    /// <summary>What a descriptor names, and the size of pieces it is mapped in.</summary>
    private readonly record struct FileIdentity(
        int Descriptor, ulong Device, ulong Inode, bool Writable, ulong PieceBytes);

    /// <summary>What a piece shows. Descriptors come and go; the file behind them is this.</summary>
    private readonly record struct PieceKey(
        ulong Device, ulong Inode, bool Writable, ulong LengthBytes, ulong FileOffset);

    /// <summary>A mapped piece of a file.</summary>
    private sealed class Piece(PieceKey key, int unit)
    {
        public PieceKey Key { get; } = key;

        public int Unit { get; } = unit;

        /// <summary>Bytes mapped by page tables, and one for each user in between.</summary>
        public long Uses { get; set; }

        /// <summary>In the queue of idle pieces.</summary>
        public bool Queued { get; set; }
    }
}
