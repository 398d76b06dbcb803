using System;
using System.Numerics;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>
/// Private anonymous memory that is read before it is written: zeros that all share, for reading only, so that
/// reading takes no memory (mm/memory.c, do_anonymous_page). A write puts fresh pages in their place, a run at a time.
/// </summary>
public sealed partial class MemoryManager
{
    /// <summary>Maps zeros around a page that has nothing yet; false when there are none to be had, or when the
    /// platform has no room: then ordinary memory has to do.</summary>
    private bool TryMapZerosLocked(int vma, ulong page, ulong wantedBytes)
    {
        if (_memoryFile.Zeros is not { } zeros)
        {
            return false;
        }

        GuestRange gap = GapAroundLocked(vma, page);
        GuestRange run = gap.Length <= WholeGapBytes ? gap
            : Window(gap, page, RunSizeLocked(vma, gap, page), wantedBytes);
        Pma pma = new()
        {
            Backing = zeros,
            Offset = run.Start,
            Allowed = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute,
            Flags = PmaFlags.CopyOnWrite,
        };
        pma.Restrict(_vmas.Value(vma).EffectiveAccess);
        return InstallLocked(run, pma, MapHint.None) == Errno.None;
    }

    /// <summary>The first write: as if nothing had been there.</summary>
    private Errno ReplaceZerosLocked(int vma, int pma, GuestRange bounds, ulong page, ulong wantedBytes)
    {
        GuestRange run = bounds.Length <= WholeGapBytes ? bounds
            : Window(bounds, page, ReplacedSizeLocked(pma, bounds, page), wantedBytes);
        Errno error = AllocateLocked(run, out ulong offset);
        if (error == Errno.ENOMEM && run.Length > PageSize)
        {
            run = GuestRange.FromBounds(page, page + PageSize);
            error = AllocateLocked(run, out offset);
        }

        return error == Errno.None ? ReplaceLocked(pma, run, PrivatePma(vma, offset), MapHint.None) : error;
    }

    /// <summary>As the runs of memory never touched: longer as long as writes go on where the last run ended.</summary>
    private ulong ReplacedSizeLocked(int pma, GuestRange bounds, ulong page)
    {
        int before = _pmas.Previous(pma);
        bool goesOn = page - bounds.Start < SmallRunBytes && before != 0 && _pmas.End(before) == bounds.Start
            && _pmas.Value(before).IsPrivate;
        ulong neighbour = goesOn ? Math.Min(_pmas.Range(before).Length, LargeRunBytes) : 0;
        return Math.Clamp(BitOperations.RoundUpToPowerOf2(neighbour + 1), SmallRunBytes, LargeRunBytes);
    }

    /// <summary>True for zeros that take more maps than one fault, or one fork, should make.</summary>
    private bool IsLongZeroLocked(int pma) =>
        _pmas.Value(pma).IsZero && _pmas.Range(pma).Length > MaximumRunBytes;

    /// <summary>One map per block of zeros. All or nothing.</summary>
    private Errno TellPlatformOfZeros(GuestRange range, in Pma pma, MapHint hint)
    {
        ZeroPages zeros = (ZeroPages)pma.Backing;
        for (ulong done = 0; done < range.Length;)
        {
            ulong place = zeros.Place(pma.Offset + done, range.Length - done, out ulong part);
            Errno error = _addressSpace.Map(range.Start + done, part, zeros.HostFd, place, pma.Access,
                hint | MapHint.Private);
            if (error != Errno.None)
            {
                _addressSpace.Unmap(range.Start, range.Length);
                return Errno.EIO;
            }

            done += part;
        }

        return Errno.None;
    }
}
