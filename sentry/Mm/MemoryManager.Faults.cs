using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>
/// Page faults: of the guest and of the Sentry's own accesses to guest memory. A fault fills a run of pages around
/// it, because pages of the
/// memory file cost nothing until touched, and a trip into the Sentry costs much.
/// </summary>
public sealed partial class MemoryManager
{
    private const ulong SmallRunBytes = 256ul << 10;
    private const ulong WholeGapBytes = 512ul << 10;
    private const ulong LargeRunBytes = 2ul << 20;
    private const ulong MaximumRunBytes = 32ul << 20;
    private const ulong MaximumFileRunBytes = 1ul << 30;
    private const ulong StackStepBytes = 64ul << 10;
    private const int MaximumReliefs = 16;
    private const int EagerMaps = 64;

    private long _minorFaults;

    /// <summary>Faults resolved so far (getrusage's ru_minflt).</summary>
    public long MinorFaults => System.Threading.Volatile.Read(ref _minorFaults);

    /// <summary>
    /// Resolves a page fault of a task running in this address space. None: run the guest again. Otherwise <paramref
    /// name="signal"/> and
    /// <paramref name="code"/> say what to raise (SIGSEGV with SEGV_MAPERR or SEGV_ACCERR, SIGBUS with BUS_ADRERR).
    /// </summary>
    public Errno HandleFault(GuestAddress address, MemoryAccess access, GuestAddress stackPointer, out int signal,
        out int code)
    {
        Errno error = FaultIn(address.Value, 1, access);
        (signal, code) = error switch
        {
            Errno.None => (0, 0),
            Errno.EACCES => (Signals.SIGSEGV, SigCode.SEGV_ACCERR),
            Errno.EFAULT => (Signals.SIGSEGV, SigCode.SEGV_MAPERR),
            _ => (Signals.SIGBUS, SigCode.BUS_ADRERR),
        };
        return error;
    }

    /// <summary>
    /// Makes a page accessible; <paramref name="wantedBytes"/> from the address on will be needed soon. EFAULT:
    /// nothing is mapped there; EACCES: the mapping
    /// forbids it; EIO: the file ends before; ENOMEM.
    /// </summary>
    private Errno FaultIn(ulong address, ulong wantedBytes, MemoryAccess access)
    {
        for (int attempt = 0; ; attempt++)
        {
            Errno error;
            using (EnterMapping())
            {
                error = FaultInLocked(address, wantedBytes, access);
            }

            bool relieve = error == Errno.ENOMEM && attempt < MaximumReliefs && _memoryFile.OutOfMemory is not null;
            if (!relieve || _memoryFile.OutOfMemory!.Relieve(PageSize) != Errno.None)
            {
                return error;
            }
        }
    }

    private Errno FaultInLocked(ulong address, ulong wantedBytes, MemoryAccess access)
    {
        int vma = FindOrGrowLocked(address);
        if (vma == 0)
        {
            return Errno.EFAULT;
        }

        MemoryAccess allowed = _vmas.Value(vma).EffectiveAccess;
        if (access == MemoryAccess.None)
        {
            access = (allowed & MemoryAccess.Write) != 0 ? MemoryAccess.Write : allowed;
        }

        if ((allowed & access) != access || access == MemoryAccess.None)
        {
            return Errno.EACCES;
        }

        using (_activeLock.Enter())
        {
            _minorFaults++;
            return ResolveLocked(vma, address & ~(PageSize - 1), wantedBytes, access);
        }
    }

    /// <summary>The VMA that holds the address, after growing a stack down to it if need be (mm/mmap.c:
    /// expand_downwards); 0 for none.</summary>
    private int FindOrGrowLocked(ulong address)
    {
        int vma = _vmas.FindAtOrAfter(address);
        if (vma == 0 || _vmas.Start(vma) <= address)
        {
            return vma;
        }

        if (!_vmas.Value(vma).Has(VmaFlags.GrowsDown) || address < MinimumAddress)
        {
            return 0;
        }

        ulong exact = address & ~(PageSize - 1);
        ulong generous = address & ~(StackStepBytes - 1);
        return TryGrowLocked(vma, generous) || TryGrowLocked(vma, exact) ? vma : 0;
    }

    private bool TryGrowLocked(int vma, ulong start)
    {
        ref Vma value = ref _vmas.Value(vma);
        int below = _vmas.Previous(vma);
        if (below != 0)
        {
            bool needsGuard = !_vmas.Value(below).Has(VmaFlags.GrowsDown)
                && _vmas.Value(below).Access != MemoryAccess.None;
            ulong lowest = _vmas.End(below) + (needsGuard ? StackGuardBytes : 0);
            if (start < lowest)
            {
                return false;
            }
        }

        ulong growth = _vmas.Start(vma) - start;
        ulong size = _vmas.End(vma) - start;
        bool locked = value.Has(VmaFlags.Locked);
        bool fits = start >= MinimumAddress
            && size <= Limits.SoftLimit(Resource.RLIMIT_STACK)
            && FitsLocked(_totals.Size + (long)growth, Resource.RLIMIT_AS)
            && (!locked || FitsLocked(_totals.Locked + (long)growth, Resource.RLIMIT_MEMLOCK));
        if (!fits)
        {
            return false;
        }

        if (value.Mappable is not null)
        {
            return false;
        }

        _vmas.Resize(vma, GuestRange.FromBounds(start, _vmas.End(vma)));
        _totals.Add(in value, (long)growth);
        return true;
    }

    /// <summary>Makes the page accessible for an access its VMA allows. The page is aligned; both locks are
    /// held.</summary>
    private Errno ResolveLocked(int vma, ulong page, ulong wantedBytes, MemoryAccess access)
    {
        int pma = _pmas.Find(page);
        bool writes = (access & MemoryAccess.Write) != 0;
        if (pma == 0)
        {
            if (_vmas.Value(vma).IsAnonymous)
            {
                return writes || !TryMapZerosLocked(vma, page, wantedBytes)
                    ? AllocateRunLocked(vma, page, wantedBytes) : Errno.None;
            }

            bool copies = writes && _vmas.Value(vma).IsPrivate;
            Errno error = TranslateLocked(vma, page, copies ? MemoryAccess.Read : access, out pma);
            if (error != Errno.None || !copies)
            {
                return error;
            }
        }

        if (!writes || (_pmas.Value(pma).Access & MemoryAccess.Write) != 0)
        {
            return MapAgainLocked(pma, page);
        }

        return _pmas.Value(pma).NeedsCopy ? BreakLocked(vma, pma, page, wantedBytes)
            : TranslateForWriteLocked(vma, pma, page);
    }

    /// <summary>The gap between PMAs around a page, within its VMA.</summary>
    private GuestRange GapAroundLocked(int vma, ulong page)
    {
        int next = _pmas.FindAtOrAfter(page);
        int previous = next == 0 ? _pmas.Last : _pmas.Previous(next);
        ulong low = previous == 0 ? 0 : _pmas.End(previous);
        ulong high = next == 0 ? ulong.MaxValue : _pmas.Start(next);
        return GuestRange.FromBounds(Math.Max(low, _vmas.Start(vma)), Math.Min(high, _vmas.End(vma)));
    }

    private static GuestRange Window(GuestRange bounds, ulong page, ulong sizeBytes, ulong wantedBytes)
    {
        ulong start = page & ~(sizeBytes - 1);
        ulong end = start + sizeBytes;
        ulong wantedEnd = page + Math.Min((wantedBytes + PageSize - 1) & ~(PageSize - 1), MaximumRunBytes);
        return GuestRange.FromBounds(Math.Max(bounds.Start, start), Math.Min(bounds.End, Math.Max(end, wantedEnd)));
    }

    /// <summary>Fills a run of private anonymous memory around a page.</summary>
    private Errno AllocateRunLocked(int vma, ulong page, ulong wantedBytes)
    {
        GuestRange gap = GapAroundLocked(vma, page);
        GuestRange run = gap.Length <= WholeGapBytes ? gap
            : Window(gap, page, RunSizeLocked(vma, gap, page), wantedBytes);
        Errno error = AllocateLocked(run, out ulong offset);
        if (error == Errno.ENOMEM && run.Length > PageSize)
        {
            run = GuestRange.FromBounds(page, page + PageSize);
            error = AllocateLocked(run, out offset);
        }

        return error == Errno.None ? InstallLocked(run, PrivatePma(vma, offset), MapHint.None) : error;
    }

    /// <summary>Memory for a gap: right behind that of the PMA below when possible, so that both become one.</summary>
    private Errno AllocateLocked(GuestRange range, out ulong offset)
    {
        int below = _pmas.FindBefore(range.Start);
        if (below != 0 && _pmas.End(below) == range.Start && _pmas.Value(below).Flags == PmaFlags.Private)
        {
            offset = _pmas.Value(below).Offset + _pmas.Range(below).Length;
            if (_memoryFile.TryAllocateAt(offset, range.Length, MemoryKind.Anonymous))
            {
                return Errno.None;
            }
        }

        Errno error = _memoryFile.Allocate(range.Length, MemoryKind.Anonymous, out MemoryFileRange memory);
        offset = memory.Offset;
        return error;
    }

    /// <summary>Doubles the run while faults go on where the last run ended.</summary>
    private ulong RunSizeLocked(int vma, GuestRange gap, ulong page)
    {
        ref Vma value = ref _vmas.Value(vma);
        if (value.Has(VmaFlags.HugePage))
        {
            return LargeRunBytes;
        }

        ulong neighbour = 0;
        if (page - gap.Start < SmallRunBytes && gap.Start > _vmas.Start(vma))
        {
            neighbour = _pmas.Range(_pmas.FindBefore(gap.Start)).Length;
        }
        else if (gap.End - page <= SmallRunBytes && gap.End < _vmas.End(vma))
        {
            neighbour = _pmas.Range(_pmas.FindAtOrAfter(gap.End)).Length;
        }

        ulong doubled = System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Min(neighbour, LargeRunBytes) + 1);
        return Math.Clamp(doubled, SmallRunBytes, LargeRunBytes);
    }

    private Pma PrivatePma(int vma, ulong offset)
    {
        Pma pma = new()
        {
            Backing = _memoryFile,
            Offset = offset,
            Allowed = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute,
            Flags = PmaFlags.Private,
        };
        pma.Restrict(_vmas.Value(vma).EffectiveAccess);
        return pma;
    }

    /// <summary>Adds a PMA in a gap and tells the platform. The PMA's references become the set's; they are dropped
    /// when that fails.</summary>
    private Errno InstallLocked(GuestRange range, Pma pma, MapHint hint)
    {
        Errno error = TellPlatform(range, in pma, hint);
        if (error != Errno.None)
        {
            pma.Backing.DropReference(pma.Offset, range.Length);
            return error;
        }

        _pmas.Merge(_pmas.Insert(range, in pma));
        return Errno.None;
    }

    /// <summary>
    /// Maps memory in the platform's half. Its lack of room (the host's limit of mappings) is not lack of memory:
    /// EIO, so that nobody is killed for it.
    /// </summary>
    private Errno TellPlatform(GuestRange range, in Pma pma, MapHint hint)
    {
        if (pma.IsZero)
        {
            return TellPlatformOfZeros(range, in pma, hint);
        }

        hint |= pma.IsPrivate || pma.NeedsCopy ? MapHint.Private : MapHint.None;
        Errno error = _addressSpace.Map(range.Start, range.Length, pma.Backing.HostFd, pma.Offset, pma.Access, hint);
        return error == Errno.None ? Errno.None : Errno.EIO;
    }

    /// <summary>
    /// The PMA allows the access, but the platform has no translation (after fork) or lost a race: map it. A fork
    /// leaves many
    /// such PMAs, and one trip for all is cheaper than one each.
    /// </summary>
    private Errno MapAgainLocked(int pma, ulong page)
    {
        ref Pma value = ref _pmas.Value(pma);
        if ((value.Flags & PmaFlags.Unmapped) == 0)
        {
            Pma part = value;
            part.Offset += page - _pmas.Start(pma);
            return TellPlatform(GuestRange.FromBounds(page, page + PageSize), in part, MapHint.None);
        }

        if (IsLongZeroLocked(pma))
        {
            pma = _pmas.Isolate(pma, Window(_pmas.Range(pma), page, MaximumRunBytes, PageSize));
        }

        Errno error = MapUnmappedLocked(pma);
        int other = error == Errno.None ? _pmas.First : 0;
        for (int budget = EagerMaps; other != 0 && budget > 0; other = _pmas.Next(other))
        {
            if ((_pmas.Value(other).Flags & PmaFlags.Unmapped) != 0 && !IsLongZeroLocked(other))
            {
                MapUnmappedLocked(other);
                budget--;
            }
        }

        return error;
    }

    private Errno MapUnmappedLocked(int pma)
    {
        ref Pma value = ref _pmas.Value(pma);
        Errno error = TellPlatform(_pmas.Range(pma), in value, MapHint.None);
        if (error == Errno.None)
        {
            value.Flags &= ~PmaFlags.Unmapped;
        }

        return error;
    }

    /// <summary>Asks the mappable what backs a page, and takes what more it gives for free.</summary>
    private Errno TranslateLocked(int vma, ulong page, MemoryAccess access, out int pma)
    {
        pma = 0;
        GuestRange gap = GapAroundLocked(vma, page);
        IMappable mappable = _vmas.Value(vma).Mappable!;
        ulong shift = _vmas.Value(vma).Offset - _vmas.Start(vma);
        ulong optional = Math.Min(gap.End - page, MaximumFileRunBytes);
        Errno error = mappable.Translate(unchecked(page + shift), PageSize, optional, access, out Translation found);
        if (error != Errno.None)
        {
            return error == Errno.EFAULT ? Errno.EIO : error;
        }

        GuestRange range = ClipTranslation(page, optional, ref found);
        ulong before = Math.Min(page - gap.Start, MaximumFileRunBytes);
        if (mappable is SharedMemoryObject shared)
        {
            before = shared.PresentBefore(unchecked(page + shift), before);
        }

        if (before > 0)
        {
            WidenDownLocked(mappable, page - before, shift, ref range, ref found, access);
        }

        error = InstallLocked(range, FilePma(vma, in found), MapHint.None);
        pma = _pmas.Find(page);
        return error;
    }

    /// <summary>Pages of host files, and of our own files where there is data, are there for free: take those before
    /// too.</summary>
    private static void WidenDownLocked(
        IMappable mappable, ulong low, ulong shift, ref GuestRange range, ref Translation found, MemoryAccess access)
    {
        ulong more = range.Start - low;
        if (mappable.Translate(unchecked(low + shift), more, more, access, out Translation before) != Errno.None)
        {
            return;
        }

        bool joins = ReferenceEquals(before.Backing, found.Backing) && before.Allowed == found.Allowed
            && before.BackingOffset + more == found.BackingOffset && before.LengthBytes == more;
        if (!joins)
        {
            before.Backing.DropReference(before.BackingOffset, before.LengthBytes);
            return;
        }

        found.BackingOffset = before.BackingOffset;
        found.LengthBytes += more;
        range = GuestRange.FromBounds(low, range.End);
    }

    private static GuestRange ClipTranslation(ulong start, ulong optional, ref Translation found)
    {
        if (found.LengthBytes > optional)
        {
            found.Backing.DropReference(found.BackingOffset + optional, found.LengthBytes - optional);
            found.LengthBytes = optional;
        }

        return GuestRange.FromBounds(start, start + found.LengthBytes);
    }

    private Pma FilePma(int vma, in Translation found)
    {
        ref Vma value = ref _vmas.Value(vma);
        Pma pma = new()
        {
            Backing = found.Backing,
            Offset = found.BackingOffset,
            Allowed = found.Allowed,
            Flags = value.IsPrivate ? PmaFlags.CopyOnWrite : PmaFlags.None,
        };
        pma.Restrict(value.EffectiveAccess);
        return pma;
    }

    /// <summary>A shared mapping is written where the mappable so far allowed reading only: ask it again.</summary>
    private Errno TranslateForWriteLocked(int vma, int pma, ulong page)
    {
        ulong offset = unchecked(page + _vmas.Value(vma).Offset - _vmas.Start(vma));
        ulong optional = Math.Min(_pmas.End(pma), _vmas.End(vma)) - page;
        IMappable mappable = _vmas.Value(vma).Mappable!;
        Errno error = mappable.Translate(offset, PageSize, optional, MemoryAccess.Write, out Translation found);
        if (error != Errno.None)
        {
            return error == Errno.EFAULT ? Errno.EIO : error;
        }

        GuestRange range = ClipTranslation(page, optional, ref found);
        return ReplaceLocked(pma, range, FilePma(vma, in found), MapHint.None);
    }

    /// <summary>Puts new memory in the place of a part of a PMA; the old references go when no translation reaches
    /// the old memory any more.</summary>
    private Errno ReplaceLocked(int pma, GuestRange range, Pma fresh, MapHint hint)
    {
        Errno error = TellPlatform(range, in fresh, hint);
        if (error != Errno.None)
        {
            fresh.Backing.DropReference(fresh.Offset, range.Length);
            return error;
        }

        pma = _pmas.Isolate(pma, range);
        Pma old = _pmas.Value(pma);
        _pmas.Value(pma) = fresh;
        _pmas.Merge(pma);
        old.Backing.DropReference(old.Offset, range.Length);
        return Errno.None;
    }
}
