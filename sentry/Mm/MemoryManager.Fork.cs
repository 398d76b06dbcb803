using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>fork(2).</summary>
public sealed partial class MemoryManager
{
    /// <summary>Most PMAs that a child has mapped before it runs.</summary>
    private const int MaximumInheritedMaps = 64;

    /// <summary>
    /// A copy for fork(2): private memory becomes copy-on-write on both sides, the child gets the parent's PMAs and
    /// maps them at its first faults.
    /// <paramref name="limits"/> is the child's.
    /// </summary>
    public Errno Fork(IMemoryLimits limits, out MemoryManager? child)
    {
        child = null;
        Errno error = _platform.NewAddressSpace(out IAddressSpace? space);
        if (error != Errno.None)
        {
            return error;
        }

        MemoryManager copy = new(_platform, _memoryFile, space!, limits)
        {
            TopAddress = TopAddress,
            StackTop = StackTop,
            MmapBase = MmapBase,
            PieBase = PieBase,
            _randomSeed = _randomSeed,
            _membarrierRegistrations = MembarrierRegistrations,
        };
        using (EnterMapping())
        {
            using (copy._mappingLock.EnterNested())
            {
                error = CopyMappingsLocked(copy);
            }
        }

        if (error != Errno.None)
        {
            copy.DropUser();
            return error;
        }

        copy.CopyImage(this);
        child = copy;
        return Errno.None;
    }

    /// <summary>As above with the parent's limits.</summary>
    public Errno Fork(out MemoryManager? child) => Fork(Limits, out child);

    private Errno CopyMappingsLocked(MemoryManager child)
    {
        child._brkStart = _brkStart;
        child._brk = _brk;
        Errno error = Errno.None;
        for (int vma = _vmas.First; vma != 0 && error == Errno.None; vma = _vmas.Next(vma))
        {
            error = CopyVmaLocked(child, vma);
        }

        using (_activeLock.Enter())
        {
            using (child._activeLock.EnterNested())
            {
                SplitAtPinsLocked();
                for (int vma = child._vmas.First; vma != 0 && error == Errno.None; vma = child._vmas.Next(vma))
                {
                    error = CopyPmasLocked(child, child._vmas.Range(vma), in child._vmas.Value(vma));
                }

                error = ShareLocked(error);
                return error == Errno.None ? child.MapInheritedLocked() : error;
            }
        }
    }

    /// <summary>
    /// Gives the platform the first PMAs of a new child at once: a batch of maps costs it less than the faults of a
    /// child that touches a few of them. What is not told is mapped at its first fault.
    /// </summary>
    private Errno MapInheritedLocked()
    {
        int left = MaximumInheritedMaps;
        for (int at = _pmas.First; at != 0 && left > 0; at = _pmas.Next(at), left--)
        {
            if (IsLongZeroLocked(at))
            {
                continue;
            }

            ref Pma pma = ref _pmas.Value(at);
            Errno error = TellPlatform(_pmas.Range(at), in pma, MapHint.None);
            if (error != Errno.None)
            {
                return error;
            }

            pma.Flags &= ~PmaFlags.Unmapped;
        }

        return Errno.None;
    }

    /// <summary>Makes pages that the host is reading into PMAs of their own, so that only they are copied at
    /// once.</summary>
    private void SplitAtPinsLocked()
    {
        for (int i = 0; i < _pinCount; i++)
        {
            ulong start = _pins[i].Start & ~(PageSize - 1);
            ulong end = (_pins[i].End + PageSize - 1) & ~(PageSize - 1);
            GuestRange range = GuestRange.FromBounds(start, end);
            int at = _pmas.FindAtOrAfter(start);
            while (at != 0 && _pmas.Start(at) < end)
            {
                at = _pmas.Next(_pmas.Isolate(at, range));
            }
        }
    }

    private Errno CopyVmaLocked(MemoryManager child, int vma)
    {
        Vma value = _vmas.Value(vma);
        if (value.Has(VmaFlags.DontFork))
        {
            return Errno.None;
        }

        GuestRange range = _vmas.Range(vma);
        value.Flags &= ~(VmaFlags.Locked | VmaFlags.LockOnFault);
        Errno error = value.Mappable is null ? Errno.None
            : value.Mappable.AddMapping(child, range, value.Offset, value.Kind);
        if (error != Errno.None)
        {
            return error;
        }

        value.File?.AddReference();
        child._vmas.Insert(range, in value);
        child._totals.Add(in value, (long)range.Length);
        return Errno.None;
    }

    private Errno CopyPmasLocked(MemoryManager child, GuestRange range, in Vma vma)
    {
        if (vma.Has(VmaFlags.WipeOnFork))
        {
            return Errno.None;
        }

        int at = _pmas.FindAtOrAfter(range.Start);
        while (at != 0 && _pmas.Start(at) < range.End)
        {
            GuestRange part = _pmas.Range(at).Intersect(range);
            Pma pma = _pmas.Value(at);
            pma.Offset += part.Start - _pmas.Start(at);
            Errno error = IsPinnedLocked(part) && pma.IsPrivate && !pma.NeedsCopy
                ? CopyPinnedLocked(child, part, in pma)
                : SharePmaLocked(child, at, part, pma, in vma);
            if (error != Errno.None)
            {
                return error;
            }

            at = _pmas.Next(at);
        }

        return Errno.None;
    }

    private Errno SharePmaLocked(MemoryManager child, int at, GuestRange part, Pma pma, in Vma vma)
    {
        if (pma.IsPrivate)
        {
            _pmas.Value(at).Flags |= PmaFlags.CopyOnWrite;
            pma.Flags |= PmaFlags.CopyOnWrite;
        }

        pma.Flags |= PmaFlags.Unmapped;
        pma.Restrict(vma.EffectiveAccess);
        pma.Backing.AddReference(pma.Offset, part.Length);
        child._pmas.Merge(child._pmas.Insert(part, in pma));
        return Errno.None;
    }

    /// <summary>
    /// The host is reading into these pages for a call of another thread: they must stay the parent's own, so the
    /// child gets its copy now.
    /// </summary>
    private Errno CopyPinnedLocked(MemoryManager child, GuestRange part, in Pma pma)
    {
        ulong at = part.Start;
        while (at < part.End)
        {
            ulong length = System.Math.Min(part.End - at, MaximumCopyPages * PageSize);
            Errno error = CopyPagesLocked(in pma, at - part.Start, length, out MemoryFileRange copy, out ulong done);
            if (error != Errno.None)
            {
                return error;
            }

            Pma fresh = pma;
            fresh.Offset = copy.Offset;
            fresh.Flags |= PmaFlags.Unmapped;
            child._pmas.Insert(GuestRange.FromBounds(at, at + done), in fresh);
            at += done;
        }

        return Errno.None;
    }

    /// <summary>Takes the right to write away from everything that became copy-on-write: one call per contiguous
    /// range.</summary>
    private Errno ShareLocked(Errno error)
    {
        GuestRange run = default;
        MemoryAccess runAccess = MemoryAccess.None;
        Errno protect = Errno.None;
        for (int at = _pmas.First; at != 0; at = _pmas.Next(at))
        {
            ref Pma value = ref _pmas.Value(at);
            bool narrows = value.NeedsCopy && (value.Access & MemoryAccess.Write) != 0;
            if (narrows)
            {
                value.Access &= ~MemoryAccess.Write;
            }

            bool mapped = (value.Flags & PmaFlags.Unmapped) == 0;
            if (mapped && (narrows || (!run.IsEmpty && value.Access == runAccess)))
            {
                Extend(ref run, ref runAccess, _pmas.Range(at), value.Access, ref protect);
            }
            else if (mapped)
            {
                Flush(ref run, runAccess, ref protect);
            }
        }

        Flush(ref run, runAccess, ref protect);
        _pmas.MergeAll(GuestRange.FromBounds(0, TopAddress));
        return error == Errno.None ? protect : error;
    }

    private void CopyImage(MemoryManager parent)
    {
        ProcessImage image = parent.Image;
        image.Executable?.AddReference();
        Image = image;
    }
}
