using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>mprotect(2).</summary>
public sealed partial class MemoryManager
{
    /// <summary>mprotect(2): EINVAL, ENOMEM (hole; what came before is changed), EACCES (the file was opened without
    /// that right).</summary>
    public Errno Protect(GuestAddress start, ulong lengthBytes, MemoryAccess access) =>
        Protect(start, lengthBytes, access, ProtectExtent.Exact);

    /// <summary>As above; with <paramref name="extent"/> the range begins at the start of the stack
    /// (PROT_GROWSDOWN).</summary>
    public Errno Protect(GuestAddress start, ulong lengthBytes, MemoryAccess access, ProtectExtent extent)
    {
        if (!start.IsPageAligned)
        {
            return Errno.EINVAL;
        }

        if (lengthBytes == 0)
        {
            return Errno.None;
        }

        ulong bytes = (lengthBytes + PageSize - 1) & ~(PageSize - 1);
        if (bytes == 0 || !start.TryAdd(bytes, out GuestAddress end))
        {
            return Errno.ENOMEM;
        }

        using (EnterMapping())
        {
            ulong first = start.Value;
            int vma = _vmas.FindAtOrAfter(first);
            if (vma == 0)
            {
                return Errno.ENOMEM;
            }

            if (extent == ProtectExtent.DownToStackStart)
            {
                if (_vmas.Start(vma) >= end.Value)
                {
                    return Errno.ENOMEM;
                }

                if (!_vmas.Value(vma).Has(VmaFlags.GrowsDown))
                {
                    return Errno.EINVAL;
                }

                first = _vmas.Start(vma);
            }

            return ProtectLocked(GuestRange.FromBounds(first, end.Value), access);
        }
    }

    private Errno ProtectLocked(GuestRange range, MemoryAccess access)
    {
        Errno error = Errno.None;
        ulong at = range.Start;
        while (at < range.End && error == Errno.None)
        {
            int vma = _vmas.Find(at);
            if (vma == 0)
            {
                error = Errno.ENOMEM;
                break;
            }

            ref Vma value = ref _vmas.Value(vma);
            if (value.Has(VmaFlags.Sealed))
            {
                error = Errno.EPERM;
                break;
            }

            if ((access & ~value.MaxAccess) != 0)
            {
                error = Errno.EACCES;
                break;
            }

            at = _vmas.End(vma);
            if (value.Access != access)
            {
                error = ProtectVmaLocked(vma, range, access);
            }
        }

        _vmas.MergeAll(range);
        return error;
    }

    private Errno ProtectVmaLocked(int vma, GuestRange bounds, MemoryAccess access)
    {
        Vma changed = _vmas.Value(vma);
        changed.Access = access;
        long bytes = (long)_vmas.Range(vma).Intersect(bounds).Length;
        bool becomesData = MemoryTotals.IsData(in changed) && !MemoryTotals.IsData(in _vmas.Value(vma));
        if (becomesData && !FitsLocked(_totals.Data + bytes, Resource.RLIMIT_DATA))
        {
            return Errno.ENOMEM;
        }

        if (CheckCutLocked(vma, bounds) != Errno.None)
        {
            return Errno.ENOMEM;
        }

        vma = _vmas.Isolate(vma, bounds);
        ref Vma value = ref _vmas.Value(vma);
        _totals.Add(in value, -bytes);
        value.Access = access;
        _totals.Add(in value, bytes);
        using (_activeLock.Enter())
        {
            return RestrictLocked(_vmas.Range(vma), value.EffectiveAccess) == Errno.None ? Errno.None : Errno.ENOMEM;
        }
    }
}

/// <summary>What mprotect(2) changes.</summary>
public enum ProtectExtent
{
    /// <summary>The range given.</summary>
    Exact,

    /// <summary>PROT_GROWSDOWN: from the start of the stack mapping that the range lies in.</summary>
    DownToStackStart,
}
