using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>madvise(2), mseal(2).</summary>
public sealed partial class MemoryManager
{
    private const ulong DiscardBytes = 4ul << 20;

    /// <summary>
    /// madvise(2) for an advice already known to be valid; the range is page aligned. Holes are skipped and make the
    /// result ENOMEM.
    /// </summary>
    public Errno Advise(GuestRange range, int advice)
    {
        if (advice is Mman.MADV_POPULATE_READ or Mman.MADV_POPULATE_WRITE)
        {
            return AdvisePopulate(range, advice);
        }

        Errno result = Errno.None;
        using (EnterMapping())
        {
            ulong at = range.Start;
            while (at < range.End)
            {
                int vma = _vmas.FindAtOrAfter(at);
                if (vma == 0 || _vmas.Start(vma) >= range.End)
                {
                    result = Errno.ENOMEM;
                    break;
                }

                result = _vmas.Start(vma) > at ? Errno.ENOMEM : result;
                GuestRange part = _vmas.Range(vma).Intersect(range);
                at = part.End;
                Errno error = AdviseVmaLocked(vma, part, advice);
                if (error != Errno.None)
                {
                    result = error;
                    break;
                }
            }

            _vmas.MergeAll(range);
        }

        return result;
    }

    /// <summary>mseal(2): ENOMEM when a part of the range is not mapped.</summary>
    public Errno Seal(GuestRange range)
    {
        using (EnterMapping())
        {
            if (!IsFullyMappedLocked(range))
            {
                return Errno.ENOMEM;
            }

            int at = _vmas.FindAtOrAfter(range.Start);
            while (at != 0 && _vmas.Start(at) < range.End)
            {
                at = SetFlagsLocked(at, range, VmaFlags.Sealed, VmaFlags.None);
                at = _vmas.Next(at);
            }

            _vmas.MergeAll(range);
            return Errno.None;
        }
    }

    /// <summary>True when a range has no hole.</summary>
    public bool IsFullyMapped(GuestRange range)
    {
        using (EnterMapping())
        {
            return IsFullyMappedLocked(range);
        }
    }

    private bool IsFullyMappedLocked(GuestRange range)
    {
        ulong at = range.Start;
        while (at < range.End)
        {
            int vma = _vmas.Find(at);
            if (vma == 0)
            {
                return false;
            }

            at = _vmas.End(vma);
        }

        return true;
    }

    private Errno AdviseVmaLocked(int vma, GuestRange part, int advice)
    {
        ref Vma value = ref _vmas.Value(vma);
        bool special = value.Has(VmaFlags.Special);
        bool locked = value.Has(VmaFlags.Locked);
        switch (advice)
        {
            case Mman.MADV_DONTNEED:
                return locked || special ? Errno.EINVAL : DiscardLocked(in value, part);
            case Mman.MADV_DONTNEED_LOCKED:
                return special ? Errno.EINVAL : DiscardLocked(in value, part);
            case Mman.MADV_FREE:
                return locked || !value.IsPrivate || !value.IsAnonymous ? Errno.EINVAL : DiscardLocked(in value, part);
            case Mman.MADV_REMOVE:
                return RemoveLocked(vma, part);
            case Mman.MADV_COLD:
            case Mman.MADV_PAGEOUT:
                return locked || special ? Errno.EINVAL : Errno.None;
            case Mman.MADV_COLLAPSE:
                return Errno.EINVAL;
            case Mman.MADV_DODUMP:
                return special ? Errno.EINVAL : ChangeLocked(vma, part, VmaFlags.None, VmaFlags.DontDump);
            case Mman.MADV_WIPEONFORK:
                bool anonymous = value.IsPrivate && value.IsAnonymous;
                return anonymous ? ChangeLocked(vma, part, VmaFlags.WipeOnFork, VmaFlags.None) : Errno.EINVAL;
            default:
                (VmaFlags set, VmaFlags clear) = FlagsOf(advice);
                return ChangeLocked(vma, part, set, clear);
        }
    }

    private static (VmaFlags Set, VmaFlags Clear) FlagsOf(int advice) => advice switch
    {
        Mman.MADV_NORMAL => (VmaFlags.None, VmaFlags.Random | VmaFlags.Sequential),
        Mman.MADV_RANDOM => (VmaFlags.Random, VmaFlags.Sequential),
        Mman.MADV_SEQUENTIAL => (VmaFlags.Sequential, VmaFlags.Random),
        Mman.MADV_DONTFORK => (VmaFlags.DontFork, VmaFlags.None),
        Mman.MADV_DOFORK => (VmaFlags.None, VmaFlags.DontFork),
        Mman.MADV_KEEPONFORK => (VmaFlags.None, VmaFlags.WipeOnFork),
        Mman.MADV_DONTDUMP => (VmaFlags.DontDump, VmaFlags.None),
        Mman.MADV_HUGEPAGE => (VmaFlags.HugePage, VmaFlags.NoHugePage),
        Mman.MADV_NOHUGEPAGE => (VmaFlags.NoHugePage, VmaFlags.HugePage),
        Mman.MADV_MERGEABLE => (VmaFlags.Mergeable, VmaFlags.None),
        Mman.MADV_UNMERGEABLE => (VmaFlags.None, VmaFlags.Mergeable),
        _ => (VmaFlags.None, VmaFlags.None),
    };

    private Errno ChangeLocked(int vma, GuestRange part, VmaFlags set, VmaFlags clear)
    {
        SetFlagsLocked(vma, part, set, clear);
        return Errno.None;
    }

    /// <summary>Changes the flags of the part of a VMA inside <paramref name="bounds"/>; returns that part.</summary>
    private int SetFlagsLocked(int vma, GuestRange bounds, VmaFlags set, VmaFlags clear)
    {
        VmaFlags flags = (_vmas.Value(vma).Flags | set) & ~clear;
        if (flags == _vmas.Value(vma).Flags)
        {
            return vma;
        }

        vma = _vmas.Isolate(vma, bounds);
        ref Vma value = ref _vmas.Value(vma);
        long bytes = (long)_vmas.Range(vma).Length;
        _totals.Add(in value, -bytes);
        value.Flags = flags;
        _totals.Add(in value, bytes);
        return vma;
    }

    /// <summary>
    /// Throws the contents of private memory away: the next access sees zeros or the file. Small pieces nobody shares
    /// are punched in place, so that the
    /// next access does not even fault into the Sentry.
    /// </summary>
    private Errno DiscardLocked(in Vma vma, GuestRange range)
    {
        bool sealedMemory = vma.Has(VmaFlags.Sealed) && vma.IsPrivate && (vma.Access & MemoryAccess.Write) == 0;
        if (sealedMemory)
        {
            return Errno.EPERM;
        }

        bool anonymous = vma.IsAnonymous;
        using (_activeLock.Enter())
        {
            if (!anonymous || !TryPunchLocked(range))
            {
                DropPmasLocked(range, InvalidateKind.DropPrivateCopies);
            }
        }

        return Errno.None;
    }

    private bool TryPunchLocked(GuestRange range)
    {
        if (range.Length > DiscardBytes || IsPinnedLocked(range))
        {
            return false;
        }

        int first = _pmas.FindAtOrAfter(range.Start);
        for (int at = first; at != 0 && _pmas.Start(at) < range.End; at = _pmas.Next(at))
        {
            if (_pmas.Value(at).IsZero)
            {
                continue;
            }

            GuestRange part = _pmas.Range(at).Intersect(range);
            ulong offset = _pmas.Value(at).Offset + (part.Start - _pmas.Start(at));
            if (!_pmas.Value(at).IsPrivate || _memoryFile.ExclusivePrefix(offset, part.Length) != part.Length)
            {
                return false;
            }
        }

        for (int at = first; at != 0 && _pmas.Start(at) < range.End; at = _pmas.Next(at))
        {
            GuestRange part = _pmas.Range(at).Intersect(range);
            if (!_pmas.Value(at).IsZero)
            {
                _memoryFile.Discard(_pmas.Value(at).Offset + (part.Start - _pmas.Start(at)), part.Length);
            }
        }

        return true;
    }

    /// <summary>MADV_REMOVE: punches a hole in the shared object behind the mapping.</summary>
    private Errno RemoveLocked(int vma, GuestRange part)
    {
        ref Vma value = ref _vmas.Value(vma);
        if (value.Has(VmaFlags.Locked) || value.Mappable is null)
        {
            return Errno.EINVAL;
        }

        if (value.IsPrivate || (value.Access & MemoryAccess.Write) == 0)
        {
            return Errno.EACCES;
        }

        return value.Mappable is SharedMemoryObject shared
            ? shared.PunchHole(value.Offset + (part.Start - _vmas.Start(vma)), part.Length)
            : Errno.EOPNOTSUPP;
    }

    private Errno AdvisePopulate(GuestRange range, int advice)
    {
        MemoryAccess access = advice == Mman.MADV_POPULATE_WRITE ? MemoryAccess.Write : MemoryAccess.Read;
        Errno error = Populate(range, access);
        return error switch
        {
            Errno.EACCES => Errno.EINVAL,
            Errno.EIO => Errno.EFAULT,
            _ => error,
        };
    }
}
