using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>
/// Accesses that do not ask for the mapping's rights (Linux's FOLL_FORCE): /proc/pid/mem, ptrace(2). Writes to
/// private memory go to a copy of
/// its own; shared memory is written only where the mapping allows it.
/// </summary>
public sealed partial class MemoryManager
{
    /// <summary>Reads whatever could be made readable; EFAULT with <paramref name="done"/> counted.</summary>
    public Errno CopyInForced(GuestAddress source, Span<byte> destination, out int done) =>
        CopyForced(source, new ForcedCopy(destination, default), out done);

    /// <summary>Writes whatever could be made writable; EFAULT with <paramref name="done"/> counted.</summary>
    public Errno CopyOutForced(GuestAddress destination, ReadOnlySpan<byte> source, out int done) =>
        CopyForced(destination, new ForcedCopy(default, source), out done);

    private Errno CopyForced(GuestAddress guest, ForcedCopy copy, out int done)
    {
        done = 0;
        while (done < copy.LengthBytes)
        {
            ulong at = unchecked(guest.Value + (ulong)done);
            int part = (int)Math.Min((ulong)(copy.LengthBytes - done), PageSize - (at & (PageSize - 1)));
            ForcedCopy step = copy.Slice(done, part);
            Errno error = step.IsWrite
                ? CopyOutPartial(new GuestAddress(at), step.From, out int moved)
                : CopyInPartial(new GuestAddress(at), step.Into, out moved);
            if (error != Errno.None
                && ReachForced(at, step.IsWrite ? MemoryAccess.Write : MemoryAccess.Read,
                    out Piece piece) == Errno.None)
            {
                int missing = step.IsWrite
                    ? HostMemory.CopyOut(piece.Address, step.From, HostMemory.Safety.MayFault)
                    : HostMemory.CopyIn(step.Into, piece.Address, HostMemory.Safety.MayFault);
                piece.DropReference();
                moved = part - missing;
            }

            if (error != Errno.None && step.IsWrite)
            {
                // The platform may have a copy of code that nobody can write by right.
                _addressSpace.Unmap(at & ~(PageSize - 1), PageSize);
            }

            done += moved;
            if (moved == 0)
            {
                return Errno.EFAULT;
            }
        }

        return Errno.None;
    }

    /// <summary>The rest of the page at an address, referenced, made present first; EFAULT when the access is not
    /// even possible by force.</summary>
    private Errno ReachForced(ulong address, MemoryAccess access, out Piece piece)
    {
        piece = default;
        using (EnterMapping())
        {
            int vma = _vmas.Find(address);
            if (vma == 0)
            {
                return Errno.EFAULT;
            }

            ref Vma value = ref _vmas.Value(vma);
            bool writes = access == MemoryAccess.Write;
            bool possible = (value.MaxAccess & MemoryAccess.Read) != 0 && (!writes || value.IsPrivate);
            if (!possible || value.Has(VmaFlags.Special))
            {
                return Errno.EFAULT;
            }

            using (_activeLock.Enter())
            {
                return ReachForcedLocked(vma, address, access, out piece);
            }
        }
    }

    private Errno ReachForcedLocked(int vma, ulong address, MemoryAccess access, out Piece piece)
    {
        piece = default;
        ulong page = address & ~(PageSize - 1);
        int pma = _pmas.Find(page);
        if (pma == 0)
        {
            Errno error = _vmas.Value(vma).IsAnonymous
                ? AllocateRunLocked(vma, page, PageSize)
                : TranslateLocked(vma, page, MemoryAccess.Read, out _);
            if (error != Errno.None)
            {
                return Errno.EFAULT;
            }

            pma = _pmas.Find(page);
        }

        if (access == MemoryAccess.Write && _pmas.Value(pma).NeedsCopy)
        {
            if (BreakLocked(vma, pma, page, PageSize) != Errno.None)
            {
                return Errno.EFAULT;
            }
        }

        if (!TryPieceLocked(address, PageSize - (address & (PageSize - 1)), MemoryAccess.None, out piece)
            || piece.Length == 0)
        {
            return Errno.EFAULT;
        }

        piece.AddReference();
        return Errno.None;
    }

    /// <summary>Our side of a forced copy: one of the two is empty.</summary>
    private readonly ref struct ForcedCopy(Span<byte> into, ReadOnlySpan<byte> from)
    {
        public readonly Span<byte> Into = into;
        public readonly ReadOnlySpan<byte> From = from;

        public int LengthBytes => Into.Length + From.Length;

        public bool IsWrite => !From.IsEmpty;

        public ForcedCopy Slice(int start, int length) =>
            IsWrite ? new ForcedCopy(default, From.Slice(start, length))
                : new ForcedCopy(Into.Slice(start, length), default);
    }
}
