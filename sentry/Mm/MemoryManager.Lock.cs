using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>mlock(2) and relatives (mm/mlock.c). Pages of the memory file are never swapped by us; locking means
/// filling and accounting.</summary>
public sealed partial class MemoryManager
{
    /// <summary>
    /// mlock(2), mlock2(2) of a page-aligned range; <paramref name="flags"/>: Locked, with LockOnFault for
    /// MLOCK_ONFAULT. ENOMEM: hole or limit; EAGAIN: could not be filled.
    /// </summary>
    public Errno Lock(GuestRange range, VmaFlags flags, ulong limitBytes)
    {
        using (EnterMapping())
        {
            long already = TotalsLocked(range).Locked;
            if ((ulong)(_totals.Locked - already + (long)range.Length) > limitBytes)
            {
                return Errno.ENOMEM;
            }

            if (!ApplyLockLocked(range, flags))
            {
                return Errno.ENOMEM;
            }
        }

        return (flags & VmaFlags.LockOnFault) != 0 ? Errno.None : Fill(range);
    }

    /// <summary>munlock(2) of a page-aligned range; ENOMEM: hole.</summary>
    public Errno Unlock(GuestRange range)
    {
        using (EnterMapping())
        {
            return ApplyLockLocked(range, VmaFlags.None) ? Errno.None : Errno.ENOMEM;
        }
    }

    /// <summary>
    /// mlockall(2): <paramref name="current"/> for existing mappings (null: leave them), <paramref name="future"/>
    /// for later ones.
    /// </summary>
    public Errno LockAll(VmaFlags? current, VmaFlags future, ulong limitBytes)
    {
        using (EnterMapping())
        {
            if (current is not null && (ulong)_totals.Size > limitBytes)
            {
                return Errno.ENOMEM;
            }

            _futureLock = future;
            if (current is null)
            {
                return Errno.None;
            }

            ApplyLockLocked(GuestRange.FromBounds(0, TopAddress), current.Value);
        }

        if ((current.Value & (VmaFlags.Locked | VmaFlags.LockOnFault)) == VmaFlags.Locked)
        {
            FillAll();
        }

        return Errno.None;
    }

    /// <summary>munlockall(2).</summary>
    public void UnlockAll()
    {
        using (EnterMapping())
        {
            _futureLock = VmaFlags.None;
            ApplyLockLocked(GuestRange.FromBounds(0, TopAddress), VmaFlags.None);
        }
    }

    /// <summary>Sets or clears the lock of all mappings in a range; false when there is a hole.</summary>
    private bool ApplyLockLocked(GuestRange range, VmaFlags flags)
    {
        bool whole = true;
        ulong reached = range.Start;
        int at = _vmas.FindAtOrAfter(range.Start);
        while (at != 0 && _vmas.Start(at) < range.End)
        {
            whole &= _vmas.Start(at) <= reached;
            if (!_vmas.Value(at).Has(VmaFlags.Special))
            {
                at = SetFlagsLocked(at, range, flags, (VmaFlags.Locked | VmaFlags.LockOnFault) & ~flags);
            }

            reached = _vmas.End(at);
            at = _vmas.Next(at);
        }

        _vmas.MergeAll(range);
        return whole && reached >= range.End;
    }

    private Errno Fill(GuestRange range) => Populate(range, MemoryAccess.None) switch
    {
        Errno.None => Errno.None,
        Errno.ENOMEM => Errno.EAGAIN,
        Errno.EINTR => Errno.EINTR,
        _ => Errno.ENOMEM,
    };

    private void FillAll()
    {
        ulong at = 0;
        while (true)
        {
            GuestRange range;
            using (EnterMapping())
            {
                int vma = _vmas.FindAtOrAfter(at);
                if (vma == 0)
                {
                    return;
                }

                range = _vmas.Range(vma);
            }

            at = range.End;
            if (Populate(range, MemoryAccess.None) == Errno.EINTR)
            {
                return;
            }
        }
    }
}
