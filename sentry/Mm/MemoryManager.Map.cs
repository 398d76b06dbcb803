using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>mmap(2), munmap(2): choice of the place, limits, insertion and removal of VMAs.</summary>
public sealed partial class MemoryManager
{
    private const ulong Low32Start = 0x40000000;
    private const ulong Low32End = 0x80000000;

    private VmaFlags _futureLock;

    /// <summary>mmap_min_addr.</summary>
    private ulong MinimumAddress => _platform.MinUserAddress;

    /// <summary>
    /// mmap(2) without its argument decoding: ENOMEM, EEXIST, EPERM (below mmap_min_addr), EAGAIN (RLIMIT_MEMLOCK),
    /// EINVAL, and what the mappable says.
    /// </summary>
    public Errno Map(in MapRequest request, out GuestAddress address)
    {
        address = default;
        ulong bytes = (request.LengthBytes + PageSize - 1) & ~(PageSize - 1);
        if (request.LengthBytes == 0 || request.Address.PageOffset != 0 && request.Placement != MapPlacement.Hint)
        {
            return Errno.EINVAL;
        }

        if (bytes == 0 || bytes > TopAddress)
        {
            return Errno.ENOMEM;
        }

        if (request.Mappable is not null && request.Offset > long.MaxValue - bytes)
        {
            return Errno.EOVERFLOW;
        }

        GuestRange range;
        VmaFlags flags;
        using (EnterMapping())
        {
            Errno error = PlaceLocked(in request, bytes, out range);
            Vma vma = MakeVma(in request);
            if (error == Errno.None)
            {
                error = CheckLimitsLocked(in request, range, ref vma);
            }

            if (error == Errno.None)
            {
                error = InsertMappingLocked(range, vma);
            }

            if (error != Errno.None)
            {
                return error;
            }

            PrefaultLocked(range);
            flags = vma.Flags;
        }

        address = new GuestAddress(range.Start);
        bool locked = (flags & (VmaFlags.Locked | VmaFlags.LockOnFault)) == VmaFlags.Locked;
        if ((locked || request.Fill == MapFill.Now) && request.Access != MemoryAccess.None)
        {
            Populate(range, MemoryAccess.None);
        }

        return Errno.None;
    }

    /// <summary>munmap(2).</summary>
    public Errno Unmap(GuestAddress start, ulong lengthBytes)
    {
        ulong bytes = (lengthBytes + PageSize - 1) & ~(PageSize - 1);
        if (!start.IsPageAligned || bytes == 0 || start.Value > TopAddress || bytes > TopAddress - start.Value)
        {
            return Errno.EINVAL;
        }

        using (EnterMapping())
        {
            return UnmapLocked(GuestRange.FromBounds(start.Value, start.Value + bytes));
        }
    }

    /// <summary>
    /// remap_file_pages(2) as Linux emulates it: maps other pages of the same shared file over a part of its mapping.
    /// EINVAL when the range is not one shared mapping.
    /// </summary>
    public Errno RemapFilePages(GuestRange range, ulong offset)
    {
        using (EnterMapping())
        {
            int vma = _vmas.Find(range.Start);
            if (vma == 0 || _vmas.Value(vma).IsPrivate || _vmas.Value(vma).Has(VmaFlags.Special)
                || range.End > _vmas.End(vma))
            {
                return Errno.EINVAL;
            }

            Vma value = _vmas.Value(vma);
            value.Offset = offset;
            return InsertMappingLocked(range, value);
        }
    }

    private static Vma MakeVma(in MapRequest request) => new()
    {
        Access = request.Access,
        MaxAccess = request.MaxAccess,
        Flags = request.Flags,
        Mappable = request.Mappable,
        Offset = request.Offset,
        File = request.File,
        Name = request.Name,
    };

    private Errno PlaceLocked(in MapRequest request, ulong bytes, out GuestRange range)
    {
        ulong start = request.Address.Value;
        if (request.Placement == MapPlacement.Hint)
        {
            return FindPlaceLocked(start & ~(PageSize - 1), bytes, request.Region, request.Flags, out range);
        }

        range = default;
        if (start > TopAddress || bytes > TopAddress - start)
        {
            return Errno.ENOMEM;
        }

        if (start < MinimumAddress)
        {
            return Errno.EPERM;
        }

        range = GuestRange.FromBounds(start, start + bytes);
        if (request.Placement == MapPlacement.FixedNoReplace && !_vmas.IsFree(range))
        {
            return Errno.EEXIST;
        }

        return Errno.None;
    }

    /// <summary>A free place: the hint when it is free, else top-down below the mapping base, else bottom-up
    /// (mm/mmap.c).</summary>
    private Errno FindPlaceLocked(ulong hint, ulong bytes, MapRegion region, VmaFlags flags, out GuestRange range)
    {
        range = default;
        ulong guard = (flags & VmaFlags.GrowsDown) != 0 ? StackGuardBytes : 0;
        if (region == MapRegion.Low32Bit)
        {
            bool low = hint >= MinimumAddress && hint < Low32End && bytes <= Low32End - hint;
            range = low ? GuestRange.FromBounds(hint, hint + bytes) : default;
            if (low && IsFreeWithGuardLocked(range, guard))
            {
                return Errno.None;
            }

            return FindInRangeLocked(Low32Start, Math.Min(Low32End, TopAddress), bytes, guard, out range);
        }

        if (hint != 0)
        {
            hint = Math.Max(hint, MinimumAddress);
            if (hint <= TopAddress && bytes <= TopAddress - hint)
            {
                range = GuestRange.FromBounds(hint, hint + bytes);
                if (IsFreeWithGuardLocked(range, guard))
                {
                    return Errno.None;
                }
            }
        }

        ulong highest = MmapBase;
        while (_vmas.FindGapFromTop(MinimumAddress, highest, bytes + guard, out ulong start))
        {
            range = GuestRange.FromBounds(start + guard, start + guard + bytes);
            int next = _vmas.FindAtOrAfter(range.End);
            ulong limit = next == 0 ? TopAddress : GuardedStartLocked(next);
            if (range.End <= limit)
            {
                return Errno.None;
            }

            highest = limit;
        }

        return FindInRangeLocked(TopAddress / 3, TopAddress, bytes, guard, out range);
    }

    private Errno FindInRangeLocked(ulong lowest, ulong highest, ulong bytes, ulong guard, out GuestRange range)
    {
        while (_vmas.FindGapFromBottom(lowest, highest, bytes + guard, out ulong start))
        {
            range = GuestRange.FromBounds(start + guard, start + guard + bytes);
            int next = _vmas.FindAtOrAfter(range.End);
            if (next == 0 || range.End <= GuardedStartLocked(next))
            {
                return Errno.None;
            }

            lowest = _vmas.End(next);
        }

        range = default;
        return Errno.ENOMEM;
    }

    private bool IsFreeWithGuardLocked(GuestRange range, ulong guard)
    {
        int next = _vmas.FindAtOrAfter(range.Start - Math.Min(guard, range.Start));
        return next == 0 || range.End <= GuardedStartLocked(next);
    }

    /// <summary>Start of a VMA less the gap that must stay free below a stack.</summary>
    private ulong GuardedStartLocked(int vma)
    {
        ulong start = _vmas.Start(vma);
        return _vmas.Value(vma).Has(VmaFlags.GrowsDown) ? start - Math.Min(start, StackGuardBytes) : start;
    }

    /// <summary>
    /// ENOMEM when cutting a VMA at the ends of <paramref name="bounds"/> makes more mappings than a process may have.
    /// </summary>
    private Errno CheckCutLocked(int vma, GuestRange bounds)
    {
        GuestRange whole = _vmas.Range(vma);
        int cuts = (whole.Start < bounds.Start ? 1 : 0) + (bounds.End < whole.End ? 1 : 0);
        return cuts > 0 && _vmas.Count + cuts > MaxMappings ? Errno.ENOMEM : Errno.None;
    }

    private Errno CheckLimitsLocked(in MapRequest request, GuestRange range, ref Vma vma)
    {
        if (_vmas.Count > MaxMappings)
        {
            return Errno.ENOMEM;
        }

        MemoryTotals replaced = TotalsLocked(range);
        long bytes = (long)range.Length;
        if (!FitsLocked(_totals.Size - replaced.Size + bytes, Resource.RLIMIT_AS))
        {
            return Errno.ENOMEM;
        }

        if (MemoryTotals.IsData(in vma) && !FitsLocked(_totals.Data - replaced.Data + bytes, Resource.RLIMIT_DATA))
        {
            return Errno.ENOMEM;
        }

        bool reserves = vma.IsPrivate && (vma.Access & MemoryAccess.Write) != 0 && !vma.Has(VmaFlags.NoReserve);
        if (reserves && range.Length > Math.Min(_memoryFile.SizeBytes, _memoryFile.LimitBytes))
        {
            return Errno.ENOMEM;
        }

        if (!vma.Has(VmaFlags.Special))
        {
            vma.Flags |= _futureLock;
        }

        ulong lockLimit = request.LockLimitBytes ?? Limits.SoftLimit(Resource.RLIMIT_MEMLOCK);
        if (vma.Has(VmaFlags.Locked) && (ulong)(_totals.Locked - replaced.Locked + bytes) > lockLimit)
        {
            return Errno.EAGAIN;
        }

        return Errno.None;
    }

    private bool FitsLocked(long bytes, int resource) => (ulong)bytes <= Limits.SoftLimit(resource);

    /// <summary>Sums of what is mapped in a range.</summary>
    private MemoryTotals TotalsLocked(GuestRange range)
    {
        MemoryTotals totals = default;
        int at = _vmas.FindAtOrAfter(range.Start);
        while (at != 0 && _vmas.Start(at) < range.End)
        {
            totals.Add(in _vmas.Value(at), (long)_vmas.Range(at).Intersect(range).Length);
            at = _vmas.Next(at);
        }

        return totals;
    }

    /// <summary>
    /// Puts a new VMA in place of whatever is there, which is gone also when the mappable then refuses (as on Linux).
    /// </summary>
    private Errno InsertMappingLocked(GuestRange range, Vma vma)
    {
        Errno error = UnmapLocked(range);
        if (error == Errno.None)
        {
            error = RegisterLocked(range, ref vma);
        }

        if (error != Errno.None)
        {
            return error;
        }

        vma.File?.AddReference();
        _totals.Add(in vma, (long)range.Length);
        _vmas.Merge(_vmas.Insert(range, in vma));
        return Errno.None;
    }

    /// <summary>Tells the mappable. A seal against writing still lets a read-only shared mapping through, which then
    /// never becomes writable.</summary>
    private Errno RegisterLocked(GuestRange range, ref Vma vma)
    {
        if (vma.Mappable is null)
        {
            return Errno.None;
        }

        Errno error = vma.Mappable.AddMapping(this, range, vma.Offset, vma.Kind);
        bool writes = (vma.Access & MemoryAccess.Write) != 0;
        if (error == Errno.EPERM && vma.Kind == MappingKind.SharedWritable && !writes)
        {
            vma.MaxAccess &= ~MemoryAccess.Write;
            error = vma.Mappable.AddMapping(this, range, vma.Offset, vma.Kind);
        }

        return error;
    }

    /// <summary>Removes all mappings in a range. EPERM when one is sealed.</summary>
    private Errno UnmapLocked(GuestRange range)
    {
        if (AnyLocked(range, VmaFlags.Sealed))
        {
            return Errno.EPERM;
        }

        int at = _vmas.FindAtOrAfter(range.Start);
        if (at == 0 || _vmas.Start(at) >= range.End)
        {
            return Errno.None;
        }

        // Only a hole in the midst of one makes more of them.
        GuestRange first = _vmas.Range(at);
        if (first.Start < range.Start && range.End < first.End && _vmas.Count >= MaxMappings)
        {
            return Errno.ENOMEM;
        }

        using (_activeLock.Enter())
        {
            DropPmasLocked(range, InvalidateKind.DropPrivateCopies);
        }

        while (at != 0 && _vmas.Start(at) < range.End)
        {
            at = _vmas.Isolate(at, range);
            int next = _vmas.Next(at);
            ForgetVmaLocked(_vmas.Range(at), in _vmas.Value(at));
            _vmas.Remove(at);
            at = next;
        }

        return Errno.None;
    }

    private bool AnyLocked(GuestRange range, VmaFlags flag)
    {
        int at = _vmas.FindAtOrAfter(range.Start);
        while (at != 0 && _vmas.Start(at) < range.End)
        {
            if (_vmas.Value(at).Has(flag))
            {
                return true;
            }

            at = _vmas.Next(at);
        }

        return false;
    }
}
