using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>brk(2).</summary>
public sealed partial class MemoryManager
{
    private ulong _brkStart;
    private ulong _brk;

    /// <summary>
    /// Sets where the program break starts: <paramref name="endOfBss"/> rounded up, plus the random part when
    /// <paramref name="placement"/> asks for it.
    /// </summary>
    public Errno SetBrkStart(GuestAddress endOfBss, BrkPlacement placement)
    {
        if (!endOfBss.TryRoundUp(out GuestAddress start) || start.Value >= TopAddress)
        {
            return Errno.ENOMEM;
        }

        using (EnterMapping())
        {
            _brkStart = start.Value + (placement == BrkPlacement.Randomised ? RandomBytes(4, BrkRandomPages) : 0);
            _brk = _brkStart;
        }

        return Errno.None;
    }

    /// <summary>Bounds of the break: start_brk and brk of /proc/pid/stat and maps.</summary>
    public GuestRange BrkRange
    {
        get
        {
            using (EnterMapping())
            {
                return GuestRange.FromBounds(_brkStart, _brk);
            }
        }
    }

    /// <summary>brk(2): the break after the call (unchanged when the wish cannot be met).</summary>
    public GuestAddress Brk(GuestAddress wish) => Brk(wish, Limits.SoftLimit(Resource.RLIMIT_MEMLOCK));

    /// <summary>As above with the limit of locked memory that counts (none for holders of CAP_IPC_LOCK).</summary>
    public GuestAddress Brk(GuestAddress wish, ulong lockLimitBytes)
    {
        GuestRange grown = default;
        bool populate;
        ulong result;
        using (EnterMapping())
        {
            populate = (_futureLock & (VmaFlags.Locked | VmaFlags.LockOnFault)) == VmaFlags.Locked;
            if (wish.Value >= _brkStart && wish.TryRoundUp(out GuestAddress newEnd) && newEnd.Value <= TopAddress)
            {
                ulong oldEnd = (_brk + PageSize - 1) & ~(PageSize - 1);
                bool done = newEnd.Value <= oldEnd
                    ? ShrinkBrkLocked(newEnd.Value, oldEnd)
                    : GrowBrkLocked(grown = GuestRange.FromBounds(oldEnd, newEnd.Value), wish.Value, lockLimitBytes);
                _brk = done ? wish.Value : _brk;
                populate &= done;
            }

            result = _brk;
        }

        if (populate && !grown.IsEmpty)
        {
            Populate(grown, MemoryAccess.None);
        }

        return new GuestAddress(result);
    }

    private bool ShrinkBrkLocked(ulong newEnd, ulong oldEnd) =>
        newEnd == oldEnd || UnmapLocked(GuestRange.FromBounds(newEnd, oldEnd)) == Errno.None;

    private bool GrowBrkLocked(GuestRange range, ulong wish, ulong lockLimitBytes)
    {
        ulong dataLimit = Limits.SoftLimit(Resource.RLIMIT_DATA);
        ProcessImage image = Image;
        ulong data = (wish - _brkStart) + (image.EndData - Math.Min(image.StartData, image.EndData));
        int next = _vmas.FindAtOrAfter(range.Start);
        bool free = next == 0 || range.End + PageSize <= GuardedStartLocked(next);
        if (!free || (dataLimit != ulong.MaxValue && data > dataLimit))
        {
            return false;
        }

        MapRequest request = new()
        {
            LengthBytes = range.Length,
            Access = MemoryAccess.Read | MemoryAccess.Write,
            MaxAccess = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute,
            Flags = VmaFlags.Heap,
            LockLimitBytes = lockLimitBytes,
        };
        Vma vma = MakeVma(in request);
        bool done = CheckLimitsLocked(in request, range, ref vma) == Errno.None
            && InsertMappingLocked(range, vma) == Errno.None;
        if (done)
        {
            PrefaultLocked(range);
        }

        return done;
    }
}
