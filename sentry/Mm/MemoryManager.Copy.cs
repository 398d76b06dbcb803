using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>Which way <see cref="MemoryManager.Transfer"/> moves bytes.</summary>
internal enum TransferKind
{
    /// <summary>From the guest.</summary>
    In,

    /// <summary>To the guest.</summary>
    Out,

    /// <summary>Zeros to the guest.</summary>
    Zero,
}

/// <summary>
/// Accesses of the Sentry to guest memory. The hot path takes one lock, finds the PMA (usually the last one found)
/// and copies; only a missing page or
/// a backing that may fault leads elsewhere.
/// </summary>
public sealed partial class MemoryManager
{
    private const ulong LockedCopyBytes = 64ul << 10;
    private const ulong UnlockedCopyBytes = 1ul << 20;
    private const int StringChunkBytes = 256;

    /// <summary>Copies all of <paramref name="destination"/> from the guest, or EFAULT.</summary>
    public Errno CopyIn(GuestAddress source, Span<byte> destination) => CopyInPartial(source, destination, out _);

    /// <summary>Copies all of <paramref name="source"/> to the guest, or EFAULT (a prefix may have been written, as
    /// on Linux).</summary>
    public Errno CopyOut(GuestAddress destination, ReadOnlySpan<byte> source) =>
        CopyOutPartial(destination, source, out _);

    /// <summary>Writes zeros.</summary>
    public Errno ZeroOut(GuestAddress destination, ulong lengthBytes, out ulong done) =>
        Transfer(destination.Value, 0, lengthBytes, TransferKind.Zero, HostMemory.Safety.Mapped, out done);

    /// <summary>Reads one value, or EFAULT.</summary>
    public Errno Read<T>(GuestAddress source, out T value)
        where T : unmanaged
    {
        value = default;
        return CopyInPartial(source, RawMemory.Bytes(ref value), out _);
    }

    /// <summary>Writes one value, or EFAULT.</summary>
    public Errno Write<T>(GuestAddress destination, in T value)
        where T : unmanaged => CopyOutPartial(destination, RawMemory.ReadOnlyBytes(in value), out _);

    /// <summary>
    /// Reads a NUL-terminated string of at most <paramref name="maxBytes"/> bytes with its NUL as Latin-1;
    /// ENAMETOOLONG when there is none,
    /// EFAULT when memory ends first.
    /// </summary>
    public Errno ReadString(GuestAddress source, int maxBytes, out string value)
    {
        const int StackChars = 4096;
        char[]? rented = maxBytes > StackChars ? System.Buffers.ArrayPool<char>.Shared.Rent(maxBytes) : null;
        Span<char> buffer = rented is null ? stackalloc char[StackChars] : rented;
        Errno error = ReadString(source, buffer[..maxBytes], out int length);
        value = error == Errno.None ? new string(buffer[..length]) : "";
        if (rented is not null)
        {
            System.Buffers.ArrayPool<char>.Shared.Return(rented);
        }

        return error;
    }

    /// <summary>As <see cref="ReadString(GuestAddress,int,out string)"/> into a caller's buffer, allocating nothing;
    /// <paramref name="length"/> excludes the NUL.</summary>
    public Errno ReadString(GuestAddress source, Span<char> buffer, out int length)
    {
        Span<byte> chunk = stackalloc byte[StringChunkBytes];
        length = 0;
        while (length < buffer.Length)
        {
            ulong at = unchecked(source.Value + (ulong)length);
            int toPageEnd = (int)(PageSize - (at & (PageSize - 1)));
            int want = Math.Min(Math.Min(StringChunkBytes, toPageEnd), buffer.Length - length);
            Errno error = CopyInPartial(new GuestAddress(at), chunk[..want], out int got);
            if (error != Errno.None)
            {
                return error;
            }

            int end = chunk[..got].IndexOf((byte)0);
            int count = end < 0 ? got : end;
            System.Text.Encoding.Latin1.GetChars(chunk[..count], buffer[length..]);
            length += count;
            if (end >= 0)
            {
                return Errno.None;
            }
        }

        return Errno.ENAMETOOLONG;
    }

    /// <summary>Atomically loads an aligned 32-bit word. EINVAL when misaligned, EFAULT when unmapped.</summary>
    public Errno AtomicLoad32(GuestAddress address, out uint value) =>
        Atomic(address, AtomicKind.Load, 0, 0, out value);

    /// <summary>Atomic compare-and-exchange on an aligned 32-bit word; <paramref name="actual"/> is what was
    /// there.</summary>
    public Errno AtomicCompareExchange32(GuestAddress address, uint expected, uint desired, out uint actual) =>
        Atomic(address, AtomicKind.CompareExchange, expected, desired, out actual);

    private enum AtomicKind
    {
        Load,
        CompareExchange,
    }

    private Errno Atomic(GuestAddress address, AtomicKind kind, uint expected, uint desired, out uint value)
    {
        value = 0;
        if ((address.Value & 3) != 0)
        {
            return Errno.EINVAL;
        }

        MemoryAccess access = kind == AtomicKind.Load ? MemoryAccess.Read : MemoryAccess.Write;
        while (true)
        {
            Errno error = AtomicNow(address.Value, kind, access, expected, desired, out value);
            if (error != Errno.EAGAIN)
            {
                return error;
            }

            if (FaultIn(address.Value, sizeof(uint), access) != Errno.None)
            {
                return Errno.EFAULT;
            }
        }
    }

    /// <summary>EAGAIN: the page is not there or not accessible yet.</summary>
    private Errno AtomicNow(ulong address, AtomicKind kind, MemoryAccess access, uint expected, uint desired,
        out uint value)
    {
        value = 0;
        Piece piece;
        using (_activeLock.Enter())
        {
            if (!TryPieceLocked(address, sizeof(uint), access, out piece))
            {
                return Errno.EAGAIN;
            }

            if (piece.Length < sizeof(uint))
            {
                return Errno.EFAULT;
            }

            if (!piece.MayFault)
            {
                value = kind == AtomicKind.Load
                    ? RawMemory.Load32(piece.Address)
                    : RawMemory.CompareExchange32(piece.Address, desired, expected);
                return Errno.None;
            }

            piece.AddReference();
        }

        Errno error = kind == AtomicKind.Load
            ? HostOs.SafeCopy.Load32((nint)piece.Address, out value)
            : HostOs.SafeCopy.CompareExchange32((nint)piece.Address, expected, desired, out value);
        piece.DropReference();
        return error;
    }

    /// <summary>
    /// Moves bytes between the guest and an address of the Sentry, faulting pages in. EFAULT at a bad page of either
    /// side, with what came before counted.
    /// </summary>
    internal Errno Transfer(
        ulong guest, nuint host, ulong lengthBytes, TransferKind kind, HostMemory.Safety safety, out ulong done)
    {
        if (safety == HostMemory.Safety.Mapped && lengthBytes <= LockedCopyBytes
            && TryMove(guest, host, lengthBytes, kind))
        {
            done = lengthBytes;
            return Errno.None;
        }

        return TransferPieces(guest, host, lengthBytes, kind, safety, out done);
    }

    /// <summary>
    /// Moves all at once where it can, as it nearly always can: the guest's side lies in one piece of the memory file.
    /// False: nothing has been moved.
    /// </summary>
    private bool TryMove(ulong guest, nuint host, ulong lengthBytes, TransferKind kind)
    {
        MemoryAccess access = kind == TransferKind.In ? MemoryAccess.Read : MemoryAccess.Write;
        using (_activeLock.Enter())
        {
            int pma = _pmas.Find(guest);
            if (pma == 0 || lengthBytes > _pmas.End(pma) - guest)
            {
                return false;
            }

            ref Pma value = ref _pmas.Value(pma);
            if ((value.Access & access) != access || !ReferenceEquals(value.Backing, _memoryFile))
            {
                return false;
            }

            nuint piece = _memoryFile.BaseAddress + (nuint)(value.Offset + (guest - _pmas.Start(pma)));
            Move(piece, host, (nuint)lengthBytes, kind, HostMemory.Safety.Mapped);
            return true;
        }
    }

    private Errno TransferPieces(
        ulong guest, nuint host, ulong lengthBytes, TransferKind kind, HostMemory.Safety safety, out ulong done)
    {
        done = 0;
        MemoryAccess access = kind == TransferKind.In ? MemoryAccess.Read : MemoryAccess.Write;
        while (done < lengthBytes)
        {
            ulong at = unchecked(guest + done);
            ulong left = lengthBytes - done;
            if (at < guest)
            {
                return Errno.EFAULT;
            }

            if (!TransferSome(at, host + (nuint)done, left, kind, safety, out ulong moved))
            {
                if (FaultIn(at, left, access) != Errno.None)
                {
                    return Errno.EFAULT;
                }

                continue;
            }

            done += moved;
            if (moved == 0)
            {
                return Errno.EFAULT;
            }
        }

        return Errno.None;
    }

    /// <summary>Moves a contiguous piece; false when the guest's page must be faulted in first. Nothing moved: an end
    /// faulted.</summary>
    private bool TransferSome(
        ulong guest, nuint host, ulong lengthBytes, TransferKind kind, HostMemory.Safety safety, out ulong moved)
    {
        moved = 0;
        MemoryAccess access = kind == TransferKind.In ? MemoryAccess.Read : MemoryAccess.Write;
        Piece piece;
        using (_activeLock.Enter())
        {
            if (!TryPieceLocked(guest, Math.Min(lengthBytes, UnlockedCopyBytes), access, out piece))
            {
                return false;
            }

            if (!piece.MayFault && safety == HostMemory.Safety.Mapped)
            {
                moved = Math.Min(piece.Length, LockedCopyBytes);
                Move(piece.Address, host, (nuint)moved, kind, HostMemory.Safety.Mapped);
                return true;
            }

            piece.AddReference();
        }

        moved = piece.Length - Move(piece.Address, host, (nuint)piece.Length, kind, HostMemory.Safety.MayFault);
        piece.DropReference();
        return true;
    }

    private static nuint Move(nuint guest, nuint host, nuint lengthBytes, TransferKind kind,
        HostMemory.Safety safety) => kind switch
    {
        TransferKind.In => HostMemory.Copy(host, guest, lengthBytes, safety),
        TransferKind.Out => HostMemory.Copy(guest, host, lengthBytes, safety),
        _ => HostMemory.Clear(guest, lengthBytes, safety),
    };

    /// <summary>
    /// Guest memory that is accessible now: at most <paramref name="maxBytes"/>, contiguous in the Sentry; no bytes
    /// at all when the Sentry cannot reach it.
    /// </summary>
    private bool TryPieceLocked(ulong address, ulong maxBytes, MemoryAccess access, out Piece piece)
    {
        piece = default;
        int pma = _pmas.Find(address);
        if (pma == 0)
        {
            return false;
        }

        ref Pma value = ref _pmas.Value(pma);
        if ((value.Access & access) != access)
        {
            return false;
        }

        piece.Backing = value.Backing;
        piece.Offset = value.Offset + (address - _pmas.Start(pma));
        piece.Length = Math.Min(maxBytes, _pmas.End(pma) - address);
        if (ReferenceEquals(value.Backing, _memoryFile))
        {
            piece.Address = _memoryFile.BaseAddress + (nuint)piece.Offset;
            return true;
        }

        piece.MayFault = value.Backing.MayFault;
        ulong inPage = piece.Offset & (PageSize - 1);
        ulong bytes = (inPage + piece.Length + PageSize - 1) & ~(PageSize - 1);
        Errno error = value.Backing.MapInternal(piece.Offset - inPage, bytes, out nuint start, out ulong contiguous);
        piece.Address = start + (nuint)inPage;
        piece.Length = error == Errno.None ? Math.Min(piece.Length, contiguous - inPage) : 0;
        return true;
    }

    /// <summary>A contiguous piece of guest memory as the Sentry sees it.</summary>
    internal struct Piece
    {
        public IMemoryBacking Backing;
        public ulong Offset;
        public nuint Address;
        public ulong Length;
        public bool MayFault;

        /// <summary>Keeps the pages while no lock is held.</summary>
        public readonly void AddReference()
        {
            ulong start = Offset & ~(PageSize - 1);
            Backing.AddReference(start, ((Offset + Length + PageSize - 1) & ~(PageSize - 1)) - start);
        }

        /// <summary>Undoes <see cref="AddReference"/>.</summary>
        public readonly void DropReference()
        {
            ulong start = Offset & ~(PageSize - 1);
            Backing.DropReference(start, ((Offset + Length + PageSize - 1) & ~(PageSize - 1)) - start);
        }
    }
}
