using System;
using Abi.Linux;
using HostOs;
using Platform;
using Sentry.Vfs;

namespace Sentry.Mm;

/// <summary>mincore(2), msync(2).</summary>
public sealed partial class MemoryManager
{
    /// <summary>
    /// mincore(2) for a page-aligned range of at most 4096 pages: one byte per page. ENOMEM when a part is not mapped.
    /// </summary>
    public Errno InCore(GuestRange range, Span<byte> residency)
    {
        residency.Clear();
        using (EnterMapping())
        {
            if (!IsFullyMappedLocked(range))
            {
                return Errno.ENOMEM;
            }

            using (_activeLock.Enter())
            {
                ulong at = range.Start;
                while (at < range.End)
                {
                    int vma = _vmas.Find(at);
                    GuestRange part = _vmas.Range(vma).Intersect(GuestRange.FromBounds(at, range.End));
                    Span<byte> some =
                        residency.Slice((int)((part.Start - range.Start) / PageSize), (int)(part.Length / PageSize));
                    InCoreLocked(vma, part, some);
                    at = part.End;
                }
            }
        }

        return Errno.None;
    }

    /// <summary>
    /// msync(2) for a page-aligned range: writes shared files back with MS_SYNC. ENOMEM when a part is not mapped
    /// (the rest is synced), EBUSY: MS_INVALIDATE of locked memory.
    /// </summary>
    public Errno Sync(GuestRange range, int flags)
    {
        Errno result = Errno.None;
        ulong at = range.Start;
        while (at < range.End)
        {
            Errno error = SyncSome(GuestRange.FromBounds(at, range.End), flags, out ulong next);
            if (error == Errno.ENOMEM)
            {
                result = error;
            }
            else if (error != Errno.None)
            {
                return error;
            }

            at = next;
        }

        return result;
    }

    /// <summary>move_pages(2) on one page: None when it holds memory, ENOENT when not, EFAULT when nothing is mapped
    /// there.</summary>
    public Errno PageStatus(GuestAddress address)
    {
        Span<byte> flag = stackalloc byte[1];
        ulong page = address.Value & ~(PageSize - 1);
        if (page >= TopAddress || InCore(GuestRange.FromBounds(page, page + PageSize), flag) != Errno.None)
        {
            return Errno.EFAULT;
        }

        return flag[0] != 0 ? Errno.None : Errno.ENOENT;
    }

    private Errno SyncSome(GuestRange range, int flags, out ulong next)
    {
        IMappable? mappable;
        FileDescription? file;
        ulong offset;
        ulong length;
        Errno hole;
        using (EnterMapping())
        {
            int vma = _vmas.FindAtOrAfter(range.Start);
            next = range.End;
            if (vma == 0 || _vmas.Start(vma) >= range.End)
            {
                return Errno.ENOMEM;
            }

            ref Vma value = ref _vmas.Value(vma);
            GuestRange part = _vmas.Range(vma).Intersect(range);
            next = part.End;
            hole = part.Start > range.Start ? Errno.ENOMEM : Errno.None;
            if ((flags & Mman.MS_INVALIDATE) != 0 && value.Has(VmaFlags.Locked))
            {
                return Errno.EBUSY;
            }

            if ((flags & Mman.MS_SYNC) == 0 || value.IsPrivate || value.Mappable is null)
            {
                return hole;
            }

            mappable = value.Mappable;
            file = value.File;
            file?.AddReference();
            offset = value.Offset + (part.Start - _vmas.Start(vma));
            length = part.Length;
        }

        Errno error = mappable.SyncMapping(offset, length);
        file?.DropReference(null);
        return error != Errno.None ? error : hole;
    }

    private void InCoreLocked(int vma, GuestRange part, Span<byte> residency)
    {
        ulong at = part.Start;
        while (at < part.End)
        {
            int pma = _pmas.FindAtOrAfter(at);
            bool inside = pma != 0 && _pmas.Start(pma) <= at;
            ulong stop = pma == 0 ? part.End : Math.Min(part.End, inside ? _pmas.End(pma) : _pmas.Start(pma));
            Span<byte> some = residency.Slice((int)((at - part.Start) / PageSize), (int)((stop - at) / PageSize));
            if (inside)
            {
                ref Pma value = ref _pmas.Value(pma);
                Resident(value.Backing, value.Offset + (at - _pmas.Start(pma)), stop - at, some);
            }
            else if (_vmas.Value(vma).Mappable is IMappable mappable)
            {
                CachedLocked(mappable, _vmas.Value(vma).Offset + (at - _vmas.Start(vma)), some);
            }

            at = stop;
        }
    }

    /// <summary>Pages of a file that this address space has not touched but that are in memory all the same.</summary>
    private static void CachedLocked(IMappable mappable, ulong offset, Span<byte> residency)
    {
        if (mappable is SharedMemoryObject shared)
        {
            shared.Residency(offset, residency);
            return;
        }

        ulong length = (ulong)residency.Length * PageSize;
        if (mappable.Translate(offset, PageSize, length, MemoryAccess.Read, out Translation found) == Errno.None)
        {
            ulong bytes = Math.Min(found.LengthBytes, length);
            Resident(found.Backing, found.BackingOffset, bytes, residency[..(int)(bytes / PageSize)]);
            found.Backing.DropReference(found.BackingOffset, found.LengthBytes);
        }
    }

    /// <summary>What the host says about pages of a backing.</summary>
    private static void Resident(IMemoryBacking backing, ulong offset, ulong lengthBytes, Span<byte> residency)
    {
        ulong at = 0;
        while (at < lengthBytes)
        {
            Errno error = backing.MapInternal(offset + at, lengthBytes - at, out nuint address, out ulong contiguous);
            contiguous = Math.Min(contiguous, lengthBytes - at);
            Span<byte> some = residency.Slice((int)(at / PageSize), (int)(contiguous / PageSize));
            if (error != Errno.None || HostMman.InCore((nint)address, (nuint)contiguous, some) != Errno.None)
            {
                some.Fill(1);
            }

            foreach (ref byte flag in some)
            {
                flag &= 1;
            }

            at += Math.Max(contiguous, PageSize);
        }
    }
}
