using System;
using Platform;

namespace Sentry.Mm;

/// <summary>What /proc shows: totals, resident memory measured through the host's mincore(2).</summary>
public sealed partial class MemoryManager
{
    private const int CountPages = 512;

    private ulong _peakResident;

    /// <summary>Sums over the VMAs.</summary>
    public MemoryTotals Totals
    {
        get
        {
            using (EnterMapping())
            {
                return _totals;
            }
        }
    }

    /// <summary>Resident bytes now (VmRSS).</summary>
    public ulong ResidentBytes => MeasureUse().Resident;

    /// <summary>Highest resident size seen so far (VmHWM, ru_maxrss): at each measurement.</summary>
    public ulong PeakResidentBytes
    {
        get
        {
            MeasureUse();
            return _peakResident;
        }
    }

    /// <summary>Measures the resident memory of the whole address space.</summary>
    public MemoryUse MeasureUse()
    {
        MemoryUse use = default;
        using (EnterMapping())
        {
            using (_activeLock.Enter())
            {
                CountLocked(GuestRange.FromBounds(0, TopAddress), ref use);
            }
        }

        _peakResident = Math.Max(_peakResident, use.Resident);
        use.PeakResident = _peakResident;
        return use;
    }

    /// <summary>Adds up what is resident in a range.</summary>
    private void CountLocked(GuestRange range, ref MemoryUse use)
    {
        int at = _pmas.FindAtOrAfter(range.Start);
        while (at != 0 && _pmas.Start(at) < range.End)
        {
            GuestRange part = _pmas.Range(at).Intersect(range);
            Pma value = _pmas.Value(at);
            value.Offset += part.Start - _pmas.Start(at);
            CountPma(in value, part.Length, ref use);
            at = _pmas.Next(at);
        }
    }

    private void CountPma(in Pma pma, ulong lengthBytes, ref MemoryUse use)
    {
        if (pma.IsZero)
        {
            // Linux counts the zero page nowhere.
            return;
        }

        Span<byte> flags = stackalloc byte[CountPages];
        Span<int> counts = stackalloc int[CountPages];
        // Also of another container's, whose shared memory this is.
        MemoryFile? memory = pma.Backing as MemoryFile;
        bool own = memory is not null;
        int objects = own && !pma.IsPrivate ? 1 : 0;
        for (ulong done = 0; done < lengthBytes; done += CountPages * PageSize)
        {
            int pages = (int)(Math.Min(lengthBytes - done, CountPages * PageSize) / PageSize);
            Resident(pma.Backing, pma.Offset + done, (ulong)pages * PageSize, flags[..pages]);
            counts.Fill(2);
            if (own)
            {
                memory!.ReferenceCounts(pma.Offset + done, counts[..pages]);
            }

            for (int i = 0; i < pages; i++)
            {
                if (flags[i] != 0)
                {
                    CountPage(in pma, own, counts[i] - objects, ref use);
                }
            }
        }
    }

    private static void CountPage(in Pma pma, bool own, int users, ref MemoryUse use)
    {
        if (!own)
        {
            use.File += PageSize;
        }
        else if (pma.IsPrivate)
        {
            use.Anonymous += PageSize;
        }
        else
        {
            use.Shared += PageSize;
        }

        use.SharedWithOthers += users > 1 ? PageSize : 0;
        use.Proportional += PageSize / (ulong)Math.Max(users, 1);
    }
}
