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
    public Errno CopyInForced(GuestAddress source, Span<byte> destination, out int done)
    {
        done = 0;
        while (done < destination.Length)
        {
            ulong at = unchecked(source.Value + (ulong)done);
            int part = (int)Math.Min((ulong)(destination.Length - done), PageSize - (at & (PageSize - 1)));
            Errno error = CopyInPartial(new GuestAddress(at), destination.Slice(done, part), out int moved);
            if (error != Errno.None)
            {
                error = ReachForced(at, MemoryAccess.Read, out Piece piece);
                if (error != Errno.None)
                {
                    return error;
                }

                int missing =
                    HostMemory.CopyIn(destination.Slice(done, part), piece.Address, HostMemory.Safety.MayFault);
                piece.DropReference();
                moved = part - missing;
            }

            done += moved;
            if (moved == 0)
            {
                return Errno.EFAULT;
            }
        }

        return Errno.None;
    }

    /// <summary>Writes whatever could be made writable; EFAULT with <paramref name="done"/> counted.</summary>
    public Errno CopyOutForced(GuestAddress destination, ReadOnlySpan<byte> source, out int done)
    {
        done = 0;
        while (done < source.Length)
        {
            ulong at = unchecked(destination.Value + (ulong)done);
            int part = (int)Math.Min((ulong)(source.Length - done), PageSize - (at & (PageSize - 1)));
            Errno error = CopyOutPartial(new GuestAddress(at), source.Slice(done, part), out int moved);
            if (error != Errno.None)
            {
                error = ReachForced(at, MemoryAccess.Write, out Piece piece);
                if (error != Errno.None)
                {
                    return error;
                }

                int missing = HostMemory.CopyOut(piece.Address, source.Slice(done, part), HostMemory.Safety.MayFault);
                piece.DropReference();
                moved = part - missing;
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
}
