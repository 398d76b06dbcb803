using System;
using System.Numerics;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Sentry.Mm;

/// <summary>
/// Freed pages keep their bytes for a moment ("dirty"), so that neighbours can join them and copies can reuse them; a
/// background thread then punches them
/// out of the file in coalesced runs. Above <see cref="MaximumDirtyPages"/> the freeing thread does it itself.
/// </summary>
public sealed partial class MemoryFile
{
    private const int ReclaimDelayMs = 50;
    private const int MaximumDirtyPages = (64 << 20) >> PageShift;
    private const int MaximumRunPages = (64 << 20) >> PageShift;
    private const int RecycleEntries = 64;

    private readonly AutoResetEvent _reclaimWanted = new(false);
    private readonly (int First, int Count)[] _recycle = new (int, int)[RecycleEntries];
    private int _recycleCount;
    private int _dirtyPages;
    private int _reclaimCursor;
    private Thread? _reclaimer;
    private volatile bool _reclaimerStops;
    private volatile bool _watchUse;

    /// <summary>Pages freed and not yet given back.</summary>
    internal int DirtyPages => Volatile.Read(ref _dirtyPages);

    /// <summary>Gives all freed pages back to the host now, those of parts too; true when there were any.</summary>
    public bool GiveBackNow()
    {
        bool any = false;
        foreach (MemoryFile part in Volatile.Read(ref _parts))
        {
            any |= part.GiveBackNow();
        }

        while (TakeDirtyRun(out int first, out int count))
        {
            any = true;
            const int Mode = HostFcntl.FallocPunchHole | HostFcntl.FallocKeepSize;
            if (HostFcntl.Fallocate(HostFd, Mode, (long)first << PageShift, (long)count << PageShift) != Errno.None)
            {
                Clear((ulong)first << PageShift, (ulong)count << PageShift);
            }

            using (_lock.Enter())
            {
                ClearTakenLocked(first, count);
            }
        }

        return any;
    }

    /// <summary>Marks a run free; true when the reclaimer must be woken.</summary>
    private bool FreeLocked(int first, int count)
    {
        SetBits(Dirty, first, count);
        ForEachBlock(DirtyInBlock, first, count, 1);
        bool wake = _dirtyPages == 0 || (_dirtyPages <= MaximumDirtyPages && _dirtyPages + count > MaximumDirtyPages);
        _dirtyPages += count;
        _allocatedTotal -= count;
        if (_recycleCount == RecycleEntries)
        {
            Array.Copy(_recycle, RecycleEntries / 2, _recycle, 0, RecycleEntries / 2);
            _recycleCount = RecycleEntries / 2;
        }

        _recycle[_recycleCount++] = (first, count);
        return wake;
    }

    /// <summary>Takes back pages freed lately, with their old bytes; -1 when none fit.</summary>
    private int RecycleLocked(int count)
    {
        for (int i = _recycleCount - 1; i >= 0; i--)
        {
            (int first, int length) = _recycle[i];
            if (length < count)
            {
                continue;
            }

            _recycle[i] = (first + count, length - count);
            ClearBits(Dirty, first, count);
            ForEachBlock(DirtyInBlock, first, count, -1);
            _dirtyPages -= count;
            return first;
        }

        return -1;
    }

    /// <summary>Picks the next run of dirty pages; they stay taken until the caller has punched them.</summary>
    private bool TakeDirtyRun(out int first, out int count)
    {
        first = 0;
        count = 0;
        using (_lock.Enter())
        {
            if (_dirtyPages == 0)
            {
                return false;
            }

            _recycleCount = 0;
            ReadOnlySpan<ushort> dirty = DirtyInBlock;
            int block = _reclaimCursor;
            while (dirty[block] == 0)
            {
                block = block + 1 >= _blocksInUse ? 0 : block + 1;
            }

            first = FindDirtyLocked(block);
            count = DirtyRunLocked(first);
            _reclaimCursor = block;
            ClearBits(Dirty, first, count);
            ForEachBlock(DirtyInBlock, first, count, -1);
            _dirtyPages -= count;
            return true;
        }
    }

    private int FindDirtyLocked(int block)
    {
        const int Words = PagesPerBlock / 64;
        ReadOnlySpan<ulong> words = Dirty.Slice(block * Words, Words);
        int word = words.IndexOfAnyExcept(0ul);
        return (((block * Words) + word) * 64) + BitOperations.TrailingZeroCount(words[word]);
    }

    private int DirtyRunLocked(int first)
    {
        ReadOnlySpan<ulong> words = Dirty;
        int at = first;
        int end = Math.Min(_pageCount, first + MaximumRunPages);
        while (at < end)
        {
            int ones = BitOperations.TrailingZeroCount(~(words[at >> 6] >> (at & 63)));
            int part = Math.Min(ones, 64 - (at & 63));
            at += part;
            if (part == 0 || (at & 63) != 0)
            {
                break;
            }
        }

        return Math.Min(at, end) - first;
    }

    /// <summary>From now on, as long as more is handed out than the limit allows, the reclaimer also watches what is
    /// really used.</summary>
    private void WatchUse()
    {
        if (!_watchUse)
        {
            _watchUse = true;
            WakeReclaimer();
        }
    }

    private void WakeReclaimer()
    {
        bool runs = _reclaimer is not null || TryStartReclaimer();
        _reclaimWanted.Set();
        if (!runs || DirtyPages > MaximumDirtyPages)
        {
            GiveBackNow();
        }
    }

    /// <summary>False when the host gives no thread: its work is the caller's then, and the next one tries
    /// again.</summary>
    private bool TryStartReclaimer()
    {
        Thread thread = new(ReclaimLoop, 256 << 10) { IsBackground = true, Name = "reclaim" };
        if (Interlocked.CompareExchange(ref _reclaimer, thread, null) is not null)
        {
            return true;
        }

        try
        {
            thread.Start();
            return true;
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            _reclaimer = null;
            return false;
        }
    }

    private void StopReclaimer()
    {
        _reclaimerStops = true;
        _reclaimWanted.Set();
        _reclaimer?.Join();
    }

    private void ReclaimLoop()
    {
        while (!_reclaimerStops)
        {
            _reclaimWanted.WaitOne(_watchUse ? ReclaimDelayMs : Timeout.Infinite);
            if (!_reclaimerStops && DirtyPages > 0)
            {
                Thread.Sleep(ReclaimDelayMs);
                GiveBackNow();
            }

            CollectIfWanted();
            if (_watchUse)
            {
                CheckUse();
            }
        }
    }

    private void CheckUse()
    {
        if (HandedOutPages + KernelPages <= Volatile.Read(ref _limitPages))
        {
            _watchUse = false;
            return;
        }

        ulong used = UsedBytes + KernelBytes;
        if (used > LimitBytes)
        {
            OutOfMemory?.Relieve(used - LimitBytes);
        }
    }
}
