using System;
using System.Numerics;
using Abi.Linux;

namespace Sentry.Mm;

/// <summary>Next-fit over blocks of 2 MiB with a cursor per size class; within a block, runs are aligned to their
/// rounded-up size.</summary>
public sealed partial class MemoryFile
{
    private const int SizeClasses = 10;

    private readonly int[] _cursors = new int[SizeClasses];
    private readonly long[] _failedAt = new long[SizeClasses];
    private int _blocksInUse;
    private long _frees = 1;

    /// <summary>
    /// Takes pages with one reference each, contiguous; requests of 2 MiB and more are aligned to 2 MiB. ENOMEM at
    /// the limit.
    /// Never calls <see cref="OutOfMemory"/>: the caller does, when it holds no locks.
    /// </summary>
    public Errno Allocate(ulong lengthBytes, MemoryKind kind, PageContent content, out MemoryFileRange range)
    {
        range = default;
        if (lengthBytes == 0 || lengthBytes > SizeBytes)
        {
            return lengthBytes == 0 ? Errno.EINVAL : Errno.ENOMEM;
        }

        int count = (int)((lengthBytes + GuestAddress.PageSize - 1) >> PageShift);
        if (IsAboveLimit(count))
        {
            return Errno.ENOMEM;
        }

        if (!TryAllocate(count, kind, content, out int first)
            && (!GiveBackNow() || !TryAllocate(count, kind, content, out first)))
        {
            return Errno.ENOMEM;
        }

        range = new MemoryFileRange((ulong)first << PageShift, (ulong)count << PageShift);
        return Errno.None;
    }

    /// <summary>
    /// Takes exactly the pages at <paramref name="offset"/>, reading as zero, if they are free: memory that continues
    /// what the caller has needs no translation of its own.
    /// </summary>
    public bool TryAllocateAt(ulong offset, ulong lengthBytes, MemoryKind kind)
    {
        if (lengthBytes == 0 || offset > SizeBytes || lengthBytes > SizeBytes - offset)
        {
            return false;
        }

        int first = (int)(offset >> PageShift);
        int count = (int)(lengthBytes >> PageShift);
        if (IsAboveLimit(count))
        {
            return false;
        }

        using (_lock.Enter())
        {
            if (!AreFree(Taken, first, count))
            {
                return false;
            }

            SetTakenLocked(first, count);
            CountAllocatedLocked(first, count, kind);
            return true;
        }
    }

    /// <summary>As <see cref="Allocate(ulong,MemoryKind,PageContent,out MemoryFileRange)"/> for pages that read as
    /// zero.</summary>
    public Errno Allocate(ulong lengthBytes, MemoryKind kind, out MemoryFileRange range) =>
        Allocate(lengthBytes, kind, PageContent.Zero, out range);

    private bool IsAboveLimit(int count) =>
        IsAboveOwnLimit(count) || (_whole is { } whole && whole.IsAboveOwnLimit(count));

    /// <summary>
    /// Pages handed out and never touched cost nothing, so what was handed out may exceed the limit as long as what
    /// the host holds does not.
    /// </summary>
    private bool IsAboveOwnLimit(int count)
    {
        long limit = System.Threading.Volatile.Read(ref _limitPages);
        if (limit == long.MaxValue || HandedOutPages + count + KernelPages <= limit)
        {
            return false;
        }

        WatchUse();
        if (!WouldExceedLimit(count))
        {
            return false;
        }

        GiveBackNow();
        return WouldExceedLimit(count);
    }

    private bool WouldExceedLimit(int count) => UsedPages + count + KernelPages > _limitPages;

    private bool TryAllocate(int count, MemoryKind kind, PageContent content, out int first)
    {
        using (_lock.Enter())
        {
            first = content == PageContent.WillOverwrite ? RecycleLocked(count) : -1;
            if (first < 0)
            {
                first = count <= PagesPerBlock ? FindSmallLocked(count) : FindLargeLocked(count);
                if (first < 0)
                {
                    return false;
                }

                SetTakenLocked(first, count);
            }

            CountAllocatedLocked(first, count, kind);
            return true;
        }
    }

    private void CountAllocatedLocked(int first, int count, MemoryKind kind)
    {
        Pages.Slice(first, count).Fill(((int)kind << KindShift) | 1);
        _allocatedPages[(int)kind] += count;
        _allocatedTotal += count;
    }

    /// <summary>A run within one block; -1 when there is none.</summary>
    private int FindSmallLocked(int count)
    {
        int sizeClass = BitOperations.Log2((uint)((count * 2) - 1));
        int cursor = _cursors[sizeClass];
        int found = FindInBlocksLocked(cursor, _blocksInUse, count, out int block);
        if (found < 0 && _failedAt[sizeClass] != _frees)
        {
            found = FindInBlocksLocked(0, Math.Min(cursor, _blocksInUse), count, out block);
            _failedAt[sizeClass] = found < 0 ? _frees : 0;
        }

        if (found < 0)
        {
            found = FindInBlocksLocked(_blocksInUse, BlockCount, count, out block);
        }

        if (found >= 0)
        {
            _cursors[sizeClass] = block;
        }

        return found;
    }

    private int FindInBlocksLocked(int from, int to, int count, out int block)
    {
        ReadOnlySpan<ushort> free = FreeInBlock;
        for (block = from; block < to; block++)
        {
            if (free[block] < count)
            {
                continue;
            }

            int page = FindInBlockLocked(block, count);
            if (page >= 0)
            {
                return page;
            }
        }

        return -1;
    }

    private int FindInBlockLocked(int block, int count)
    {
        const int Words = PagesPerBlock / 64;
        int firstPage = block * PagesPerBlock;
        ReadOnlySpan<ulong> words = Taken.Slice(block * Words, Words);
        if (count > 32)
        {
            int need = (count + 63) / 64;
            int align = (int)BitOperations.RoundUpToPowerOf2((uint)need);
            for (int word = 0; word + need <= Words; word += align)
            {
                if (words.Slice(word, need).IndexOfAnyExcept(0ul) < 0)
                {
                    return firstPage + (word * 64);
                }
            }

            return -1;
        }

        for (int word = 0; word < Words; word++)
        {
            int bit = FindAlignedRun(~words[word], (int)BitOperations.RoundUpToPowerOf2((uint)count));
            if (bit >= 0)
            {
                return firstPage + (word * 64) + bit;
            }
        }

        return -1;
    }

    /// <summary>Lowest run of <paramref name="size"/> (a power of two up to 32) set bits that starts at a multiple of
    /// size; -1 when none.</summary>
    private static int FindAlignedRun(ulong free, int size)
    {
        for (int step = 1; step < size; step <<= 1)
        {
            free &= free >> step;
        }

        ulong aligned = free & size switch
        {
            1 => ulong.MaxValue,
            2 => 0x5555555555555555,
            4 => 0x1111111111111111,
            8 => 0x0101010101010101,
            16 => 0x0001000100010001,
            _ => 0x0000000100000001,
        };
        return aligned == 0 ? -1 : BitOperations.TrailingZeroCount(aligned);
    }

    /// <summary>Whole free blocks in a row; -1 when there are none.</summary>
    private int FindLargeLocked(int count)
    {
        int need = (count + PagesPerBlock - 1) / PagesPerBlock;
        ref int cursor = ref _cursors[SizeClasses - 1];
        int block = FindFreeBlocksLocked(cursor, BlockCount, need);
        if (block < 0)
        {
            block = FindFreeBlocksLocked(0, Math.Min(cursor + need, BlockCount), need);
        }

        if (block < 0)
        {
            return -1;
        }

        cursor = block;
        return block * PagesPerBlock;
    }

    private int FindFreeBlocksLocked(int from, int to, int need)
    {
        ReadOnlySpan<ushort> free = FreeInBlock;
        int run = 0;
        for (int block = from; block < to; block++)
        {
            run = free[block] == PagesPerBlock ? run + 1 : 0;
            if (run == need)
            {
                return block - need + 1;
            }
        }

        return -1;
    }

    private void SetTakenLocked(int first, int count)
    {
        SetBits(Taken, first, count);
        ForEachBlock(FreeInBlock, first, count, -1);
        _blocksInUse = Math.Max(_blocksInUse, (first + count + PagesPerBlock - 1) / PagesPerBlock);
    }

    private void ClearTakenLocked(int first, int count)
    {
        ClearBits(Taken, first, count);
        ForEachBlock(FreeInBlock, first, count, 1);
        _frees++;
    }

    private static void ForEachBlock(Span<ushort> counters, int first, int count, int sign)
    {
        while (count > 0)
        {
            int block = first / PagesPerBlock;
            int part = Math.Min(count, ((block + 1) * PagesPerBlock) - first);
            counters[block] = (ushort)(counters[block] + (sign * part));
            first += part;
            count -= part;
        }
    }

    private static bool AreFree(ReadOnlySpan<ulong> taken, int first, int count)
    {
        while (count > 0)
        {
            int part = Math.Min(count, 64 - (first & 63));
            if ((taken[first >> 6] & BitMask(first & 63, part)) != 0)
            {
                return false;
            }

            first += part;
            count -= part;
        }

        return true;
    }

    private static void SetBits(Span<ulong> bits, int first, int count)
    {
        while (count > 0)
        {
            int part = Math.Min(count, 64 - (first & 63));
            bits[first >> 6] |= BitMask(first & 63, part);
            first += part;
            count -= part;
        }
    }

    private static void ClearBits(Span<ulong> bits, int first, int count)
    {
        while (count > 0)
        {
            int part = Math.Min(count, 64 - (first & 63));
            bits[first >> 6] &= ~BitMask(first & 63, part);
            first += part;
            count -= part;
        }
    }

    private static ulong BitMask(int from, int count) => (count == 64 ? ulong.MaxValue : (1ul << count) - 1) << from;
}
