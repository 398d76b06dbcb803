using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>What mremap(2) shall do; lengths are rounded up to pages already.</summary>
public struct RemapRequest
{
    /// <summary>Start of the mapping, page aligned.</summary>
    public GuestAddress Address;

    /// <summary>Bytes to resize or move; 0 duplicates a shared mapping.</summary>
    public ulong OldBytes;

    /// <summary>Bytes afterwards.</summary>
    public ulong NewBytes;

    /// <summary>MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP, already checked against each other.</summary>
    public uint Flags;

    /// <summary>Where to with MREMAP_FIXED, a hint with MREMAP_DONTUNMAP.</summary>
    public GuestAddress NewAddress;

    /// <summary>Most bytes that may be locked.</summary>
    public ulong LockLimitBytes;
}

/// <summary>mremap(2) (mm/mremap.c).</summary>
public sealed partial class MemoryManager
{
    private const int EagerMoves = 8;

    /// <summary>mremap(2): EFAULT, EINVAL, ENOMEM, EAGAIN (RLIMIT_MEMLOCK), EPERM (mseal).</summary>
    public Errno Remap(in RemapRequest request, out GuestAddress address)
    {
        GuestRange fill = default;
        Errno error;
        using (EnterMapping())
        {
            error = RemapLocked(in request, out ulong place, ref fill);
            address = new GuestAddress(place);
        }

        if (error == Errno.None && !fill.IsEmpty)
        {
            Populate(fill, MemoryAccess.None);
        }

        return error;
    }

    private Errno RemapLocked(in RemapRequest request, out ulong place, ref GuestRange fill)
    {
        place = request.Address.Value;
        ulong oldBytes = request.OldBytes;
        bool fixedPlace = (request.Flags & Mman.MREMAP_FIXED) != 0;
        bool keepsOld = (request.Flags & Mman.MREMAP_DONTUNMAP) != 0;
        if (AnyLocked(GuestRange.FromBounds(place, place + Math.Max(oldBytes, 1)), VmaFlags.Sealed))
        {
            return Errno.EPERM;
        }

        if (fixedPlace || keepsOld)
        {
            Errno error = CheckTarget(in request);
            if (error == Errno.None && fixedPlace)
            {
                error = UnmapLocked(GuestRange.FromBounds(request.NewAddress.Value, request.NewAddress.Value
                    + request.NewBytes));
            }

            if (error != Errno.None)
            {
                return error;
            }
        }

        if (oldBytes >= request.NewBytes && oldBytes != 0)
        {
            bool missing = _vmas.Find(place) == 0;
            Errno error = missing ? Errno.EFAULT : ShrinkLocked(place, oldBytes, request.NewBytes);
            if (error != Errno.None || (!fixedPlace && !keepsOld))
            {
                return error;
            }

            oldBytes = request.NewBytes;
        }

        return ResizeLocked(in request, oldBytes, ref place, ref fill);
    }

    private Errno CheckTarget(in RemapRequest request)
    {
        ulong target = request.NewAddress.Value;
        bool bad = !request.NewAddress.IsPageAligned || request.NewBytes > TopAddress
            || target > TopAddress - request.NewBytes;
        ulong source = request.Address.Value;
        bool overlaps = source < target + request.NewBytes && target < source + request.OldBytes;
        if (bad || overlaps)
        {
            return Errno.EINVAL;
        }

        bool low = (request.Flags & Mman.MREMAP_FIXED) != 0 && target < MinimumAddress;
        return low ? Errno.EPERM : Errno.None;
    }

    private Errno ShrinkLocked(ulong start, ulong oldBytes, ulong newBytes) => oldBytes == newBytes
        ? Errno.None
        : UnmapLocked(GuestRange.FromBounds(start + newBytes, start + oldBytes));

    private Errno ResizeLocked(in RemapRequest request, ulong oldBytes, ref ulong place, ref GuestRange fill)
    {
        int vma = _vmas.Find(place);
        Errno error = CheckResizeLocked(in request, vma, oldBytes);
        if (error != Errno.None)
        {
            return error;
        }

        GuestRange old = GuestRange.FromBounds(place, place + oldBytes);
        bool fixedPlace = (request.Flags & Mman.MREMAP_FIXED) != 0;
        bool keepsOld = (request.Flags & Mman.MREMAP_DONTUNMAP) != 0;
        bool atEnd = oldBytes != 0 && !fixedPlace && !keepsOld && old.End == _vmas.End(vma);
        ulong newEnd = unchecked(place + request.NewBytes);
        bool locked = (_vmas.Value(vma).Flags & (VmaFlags.Locked | VmaFlags.LockOnFault)) == VmaFlags.Locked;
        if (atEnd && newEnd > place && newEnd <= TopAddress && IsRoomLocked(GuestRange.FromBounds(old.End, newEnd)))
        {
            error = ExpandLocked(vma, newEnd);
        }
        else if ((request.Flags & Mman.MREMAP_MAYMOVE) == 0)
        {
            return Errno.ENOMEM;
        }
        else
        {
            error = MoveLocked(in request, vma, old, out place);
        }

        if (error == Errno.None && locked && request.NewBytes > oldBytes)
        {
            fill = GuestRange.FromBounds(place + oldBytes, place + request.NewBytes);
        }

        return error;
    }

    private bool IsRoomLocked(GuestRange range)
    {
        int next = _vmas.FindAtOrAfter(range.Start);
        return next == 0 || range.End <= GuardedStartLocked(next);
    }

    private Errno CheckResizeLocked(in RemapRequest request, int vma, ulong oldBytes)
    {
        if (vma == 0)
        {
            return Errno.EFAULT;
        }

        ref Vma value = ref _vmas.Value(vma);
        ulong start = request.Address.Value;
        if (oldBytes == 0 && value.IsPrivate)
        {
            return Errno.EINVAL;
        }

        if ((request.Flags & Mman.MREMAP_DONTUNMAP) != 0 && value.Has(VmaFlags.Special))
        {
            return Errno.EINVAL;
        }

        if (oldBytes > _vmas.End(vma) - start)
        {
            return Errno.EFAULT;
        }

        if (request.NewBytes == oldBytes)
        {
            bool doubles = (request.Flags & Mman.MREMAP_DONTUNMAP) != 0;
            return doubles && !FitsLocked(_totals.Size + (long)oldBytes, Resource.RLIMIT_AS) ? Errno.ENOMEM
                : Errno.None;
        }

        if (value.Has(VmaFlags.Special))
        {
            return Errno.EFAULT;
        }

        long growth = (long)(request.NewBytes - oldBytes);
        if (value.Has(VmaFlags.Locked) && (ulong)(_totals.Locked + growth) > request.LockLimitBytes)
        {
            return Errno.EAGAIN;
        }

        bool fits = FitsLocked(_totals.Size + growth, Resource.RLIMIT_AS)
            && (!MemoryTotals.IsData(in value) || FitsLocked(_totals.Data + growth, Resource.RLIMIT_DATA));
        return fits ? Errno.None : Errno.ENOMEM;
    }

    private Errno ExpandLocked(int vma, ulong newEnd)
    {
        ref Vma value = ref _vmas.Value(vma);
        GuestRange old = _vmas.Range(vma);
        if (value.Mappable is not null)
        {
            ulong offset = value.Offset + old.Length;
            Errno error = value.Mappable.AddMapping(this, GuestRange.FromBounds(old.End, newEnd), offset, value.Kind);
            if (error != Errno.None)
            {
                return error;
            }
        }

        _totals.Add(in value, (long)(newEnd - old.End));
        _vmas.Resize(vma, GuestRange.FromBounds(old.Start, newEnd));
        _vmas.Merge(vma);
        return Errno.None;
    }

    private Errno MoveLocked(in RemapRequest request, int vma, GuestRange old, out ulong place)
    {
        // Both ends may cut another mapping, and the new one comes on top (mm/mremap.c).
        const int MostNew = 3;
        if (_vmas.Count >= MaxMappings - MostNew)
        {
            place = 0;
            return Errno.ENOMEM;
        }

        Vma moved = _vmas.Value(vma);
        place = request.NewAddress.Value;
        if (moved.Mappable is not null)
        {
            moved.Offset += old.Start - _vmas.Start(vma);
        }

        if ((request.Flags & Mman.MREMAP_FIXED) == 0)
        {
            Errno error = FindPlaceLocked(place, request.NewBytes, MapRegion.Normal, moved.Flags, out GuestRange found);
            if (error != Errno.None)
            {
                return error;
            }

            place = found.Start;
        }

        GuestRange target = GuestRange.FromBounds(place, place + request.NewBytes);
        Errno registered = moved.Mappable?.AddMapping(this, target, moved.Offset, moved.Kind) ?? Errno.None;
        if (registered != Errno.None)
        {
            return registered;
        }

        moved.File?.AddReference();
        _totals.Add(in moved, (long)target.Length);
        int inserted = _vmas.Insert(target, in moved);
        if (!old.IsEmpty)
        {
            MovePmas(old, target.Start);
            FinishMoveLocked(in request, old);
        }

        _vmas.Merge(inserted);
        return Errno.None;
    }

    /// <summary>The old place is unmapped, or stays as an empty mapping (MREMAP_DONTUNMAP), which is not locked any
    /// more.</summary>
    private void FinishMoveLocked(in RemapRequest request, GuestRange old)
    {
        if ((request.Flags & Mman.MREMAP_DONTUNMAP) == 0)
        {
            UnmapLocked(old);
            return;
        }

        int left = _vmas.Isolate(_vmas.Find(old.Start), old);
        ref Vma value = ref _vmas.Value(left);
        _totals.Add(in value, -(long)old.Length);
        value.Flags &= ~(VmaFlags.Locked | VmaFlags.LockOnFault);
        _totals.Add(in value, (long)old.Length);
        _vmas.Merge(left);
    }

    /// <summary>Moves the memory of a range to another address. A few pieces are mapped at once, the others at their
    /// first fault.</summary>
    private void MovePmas(GuestRange old, ulong target)
    {
        using (_activeLock.Enter())
        {
            int at = _pmas.FindAtOrAfter(old.Start);
            if (at == 0 || _pmas.Start(at) >= old.End)
            {
                return;
            }

            bool forgotten = _addressSpace.Unmap(old.Start, old.Length) == Errno.None;
            int moves = 0;
            while (at != 0 && _pmas.Start(at) < old.End)
            {
                at = _pmas.Isolate(at, old);
                int next = _pmas.Next(at);
                MovePma(at, unchecked(target - old.Start), forgotten, ref moves);
                at = next;
            }

            _pmas.MergeAll(GuestRange.FromBounds(target, target + old.Length));
        }
    }

    private void MovePma(int at, ulong shift, bool forgotten, ref int moves)
    {
        Pma value = _pmas.Value(at);
        GuestRange range = _pmas.Range(at);
        _pmas.Remove(at);
        if (!forgotten)
        {
            value.Backing.AddReference(value.Offset, range.Length);
        }

        GuestRange place = GuestRange.FromBounds(unchecked(range.Start + shift), unchecked(range.End + shift));
        value.Flags |= PmaFlags.Unmapped;
        bool isLong = value.IsZero && range.Length > MaximumRunBytes;
        if (moves < EagerMoves && !isLong && TellPlatform(place, in value, MapHint.None) == Errno.None)
        {
            value.Flags &= ~PmaFlags.Unmapped;
        }

        moves++;
        _pmas.Insert(place, in value);
    }
}
