using System;
using System.Threading;

namespace Sentry.Mm;

/// <summary>The part of the limit that <see cref="KernelHeap"/> takes.</summary>
public sealed partial class MemoryFile
{
    // Files and names leave 1/32 of the limit to processes: else there is nobody left to remove them.
    private const int ReserveShift = 5;

    // Above the limit's worth of pages handed out, the real use is looked at each time so many bytes are charged.
    private const int LookShift = 18;

    // Not 0: garbage is to be collected, by whoever comes first.
    private int _collectWanted;

    /// <summary>What counts against the limit beside pages; set by <see cref="HeapAccount.BindTo"/>.</summary>
    internal HeapAccount? KernelAccount { get; set; }

    /// <summary>Bytes of the limit that the Sentry's own heap takes.</summary>
    public ulong KernelBytes => (ulong)KernelPages << PageShift;

    private long KernelPages =>
        KernelAccount is { } account && account.IsBoundTo(this) ? Math.Max(0, account.Bytes) >> PageShift : 0;

    /// <summary>True when so many bytes of the Sentry's heap leave room below the limit.</summary>
    internal bool HasRoomForKernel(long heapBytes)
    {
        long limit = Volatile.Read(ref _limitPages);
        long pages = heapBytes >> PageShift;
        long room = limit - (limit >> ReserveShift);
        if (limit == long.MaxValue || HandedOutPages + pages <= room)
        {
            return true;
        }

        WatchUse();
        return UsedPages + pages <= room || (GiveBackNow() && UsedPages + pages <= room);
    }

    /// <summary>The Sentry's heap grew; when that exceeds the limit, the reclaimer sees to it.</summary>
    internal void NoteKernelUse(long before, long after)
    {
        long limit = Volatile.Read(ref _limitPages);
        if (limit == long.MaxValue || HandedOutPages + (after >> PageShift) <= limit)
        {
            return;
        }

        WatchUse();
        if (before >> LookShift != after >> LookShift && WouldExceedLimit(0))
        {
            _reclaimWanted.Set();
        }
    }

    /// <summary>The Sentry's heap shrank a lot: what was freed still takes memory until it is collected.</summary>
    internal void CollectIfNear(long heapBytes)
    {
        long limit = Volatile.Read(ref _limitPages);
        if (limit != long.MaxValue && HandedOutPages + (heapBytes >> PageShift) > limit / 2)
        {
            Volatile.Write(ref _collectWanted, 1);
            if (_reclaimer is not null || TryStartReclaimer())
            {
                _reclaimWanted.Set();
            }
        }
    }

    private long UsedPages => (long)(UsedBytes >> PageShift);

    /// <summary>
    /// Collects what <see cref="CollectIfNear"/> asked for. By who charges next, so that nothing grows beside garbage
    /// that the reclaimer has not come to; by the reclaimer when nobody charges.
    /// </summary>
    internal void CollectIfWanted()
    {
        if (Volatile.Read(ref _collectWanted) != 0 && Interlocked.Exchange(ref _collectWanted, 0) != 0)
        {
            // Compacting, and what is free goes back to the host.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }
}
