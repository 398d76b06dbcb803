using System;
using System.Runtime.Intrinsics;
using Abi.Linux;
using HostOs;

namespace Sentry.Mm;

/// <summary>Reference counts: one integer per page, the kind of use in its top bits. Ranges are counted with vectors
/// under one lock.</summary>
public sealed partial class MemoryFile
{
    private const int KindShift = 28;
    private const int CountMask = (1 << KindShift) - 1;

    /// <inheritdoc/>
    public void AddReference(ulong offset, ulong lengthBytes)
    {
        CheckRange(offset, lengthBytes);
        using (_lock.Enter())
        {
            Span<int> pages = Pages.Slice((int)(offset >> PageShift), (int)(lengthBytes >> PageShift));
            AddToAll(pages, 1);
        }
    }

    /// <inheritdoc/>
    public void DropReference(ulong offset, ulong lengthBytes)
    {
        CheckRange(offset, lengthBytes);
        int first = (int)(offset >> PageShift);
        int count = (int)(lengthBytes >> PageShift);
        bool wake;
        using (_lock.Enter())
        {
            wake = DropLocked(first, count);
        }

        if (wake)
        {
            WakeReclaimer();
        }
    }

    /// <summary>References on one page, for tests and assertions.</summary>
    public int ReferenceCount(ulong offset)
    {
        CheckRange(offset, GuestAddress.PageSize);
        using (_lock.Enter())
        {
            return Pages[(int)(offset >> PageShift)] & CountMask;
        }
    }

    /// <summary>References of each page of a range.</summary>
    internal void ReferenceCounts(ulong offset, Span<int> counts)
    {
        CheckRange(offset, (ulong)counts.Length << PageShift);
        using (_lock.Enter())
        {
            Pages.Slice((int)(offset >> PageShift), counts.Length).CopyTo(counts);
        }

        foreach (ref int count in counts)
        {
            count &= CountMask;
        }
    }

    /// <summary>Bytes from <paramref name="offset"/> on whose pages have only one reference: the caller's.</summary>
    public ulong ExclusivePrefix(ulong offset, ulong lengthBytes)
    {
        CheckRange(offset, lengthBytes);
        using (_lock.Enter())
        {
            ReadOnlySpan<int> pages = Pages.Slice((int)(offset >> PageShift), (int)(lengthBytes >> PageShift));
            int count = 0;
            while (count < pages.Length && (pages[count] & CountMask) == 1)
            {
                count++;
            }

            return (ulong)count << PageShift;
        }
    }

    /// <summary>
    /// Gives the host back pages that stay allocated: they read as zero from now on, in every address space. The
    /// caller holds the only reference.
    /// </summary>
    public void Discard(ulong offset, ulong lengthBytes)
    {
        CheckRange(offset, lengthBytes);
        const int Mode = HostFcntl.FallocPunchHole | HostFcntl.FallocKeepSize;
        if (HostFcntl.Fallocate(HostFd, Mode, (long)offset, (long)lengthBytes) != Errno.None)
        {
            Clear(offset, lengthBytes);
        }
    }

    /// <summary>
    /// Says which pages hold memory (mincore(2) of the Sentry's own mapping): one byte per page, bit 0.
    /// Pages handed out but never touched do not.
    /// </summary>
    public void Residency(ulong offset, ulong lengthBytes, Span<byte> residency)
    {
        CheckRange(offset, lengthBytes);
        if (HostMman.InCore((nint)(_base + (nuint)offset), (nuint)lengthBytes, residency) != Errno.None)
        {
            residency.Fill(1);
        }
    }

    /// <summary>Bytes of the range that hold memory.</summary>
    public ulong ResidentBytes(ulong offset, ulong lengthBytes)
    {
        Span<byte> flags = stackalloc byte[1024];
        ulong resident = 0;
        while (lengthBytes > 0)
        {
            ulong part = Math.Min(lengthBytes, (ulong)flags.Length << PageShift);
            Span<byte> some = flags[..(int)(part >> PageShift)];
            Residency(offset, part, some);
            foreach (byte flag in some)
            {
                resident += (ulong)(flag & 1) << PageShift;
            }

            offset += part;
            lengthBytes -= part;
        }

        return resident;
    }

    private static void AddToAll(Span<int> pages, int delta)
    {
        Vector256<int> deltas = Vector256.Create(delta);
        int i = 0;
        for (; i <= pages.Length - Vector256<int>.Count; i += Vector256<int>.Count)
        {
            Span<int> part = pages.Slice(i, Vector256<int>.Count);
            (Vector256.Create<int>(part) + deltas).CopyTo(part);
        }

        for (; i < pages.Length; i++)
        {
            pages[i] += delta;
        }
    }

    /// <summary>Drops one reference each and frees what has none left, run by run; true when the reclaimer must be
    /// woken.</summary>
    private bool DropLocked(int first, int count)
    {
        Span<int> pages = Pages.Slice(first, count);
        AddToAll(pages, -1);
        bool wake = false;
        int at = 0;
        while (at < count)
        {
            int length = SkipUsed(pages[at..]);
            at += length;
            int run = 0;
            while (at + run < count && (pages[at + run] & CountMask) == 0)
            {
                int kind = pages[at + run] >> KindShift;
                _allocatedPages[kind]--;
                pages[at + run] = 0;
                run++;
            }

            if (run > 0)
            {
                wake |= FreeLocked(first + at, run);
                at += run;
            }
        }

        return wake;
    }

    private static int SkipUsed(ReadOnlySpan<int> pages)
    {
        Vector256<int> mask = Vector256.Create(CountMask);
        int i = 0;
        while (i <= pages.Length - Vector256<int>.Count)
        {
            Vector256<int> counts = Vector256.Create<int>(pages.Slice(i, Vector256<int>.Count)) & mask;
            if (Vector256.EqualsAny(counts, Vector256<int>.Zero))
            {
                break;
            }

            i += Vector256<int>.Count;
        }

        while (i < pages.Length && (pages[i] & CountMask) != 0)
        {
            i++;
        }

        return i;
    }
}
