using System;
using System.Collections.Generic;
using System.Numerics;

namespace Perf.Stats;

/// <summary>
/// Counts of values over a large range with three significant decimal digits, laid out as HdrHistogram lays them out:
/// buckets that double in width, each cut into the same number of cells, so that the cell of a value follows from its
/// leading bits. Values are whole numbers from 0, here always nanoseconds.
/// </summary>
internal sealed class Histogram
{
    /// <summary>Decimal digits that are kept.</summary>
    internal const int Digits = 3;

    /// <summary>The percentiles that results and reports tell, of values enough.</summary>
    internal static readonly double[] Told = [50, 90, 99, 99.9, 99.99];

    /// <summary>Cells of a bucket: the power of two that is at least 2 * 10^Digits.</summary>
    private const int CellBits = 11;

    private const int Cells = 1 << CellBits;
    private const int HalfCells = Cells / 2;

    private long[] _counts = new long[Cells];

    /// <summary>All values recorded.</summary>
    internal long Count { get; private set; }

    /// <summary>Largest value recorded, exactly.</summary>
    internal long Maximum { get; private set; }

    /// <summary>Smallest value recorded, exactly.</summary>
    internal long Minimum { get; private set; } = long.MaxValue;

    /// <summary>Counts by cell, up to the last one that is not empty.</summary>
    internal ReadOnlySpan<long> Used => Count == 0 ? [] : _counts.AsSpan(0, IndexOf(Maximum) + 1);

    internal void Record(long value, long count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count == 0)
        {
            return;
        }

        int index = IndexOf(value);
        if (index >= _counts.Length)
        {
            Array.Resize(ref _counts, (index / HalfCells + 1) * HalfCells);
        }

        _counts[index] += count;
        Count += count;
        Maximum = Math.Max(Maximum, value);
        Minimum = Math.Min(Minimum, value);
    }

    internal void Add(Histogram other)
    {
        for (int i = 0; i < other.Used.Length; i++)
        {
            Record(Math.Min(HighestOf(i), other.Maximum), other._counts[i]);
        }

        Minimum = other.Count == 0 ? Minimum : Math.Min(Minimum, other.Minimum);
    }

    /// <summary>The value that this percentage of all values does not exceed, within the precision.</summary>
    internal long Percentile(double percent)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(percent / 100 * Count));
        long seen = 0;
        for (int i = 0; i < Used.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
            {
                return Math.Min(HighestOf(i), Maximum);
            }
        }

        return Maximum;
    }

    /// <summary>Whether there are values enough for a percentile: one at least above it.</summary>
    internal bool Tells(double percent) => Count * (100 - percent) >= 100 - 1e-6;

    /// <summary>Every cell that is not empty: its largest value and its count.</summary>
    internal IEnumerable<(long Value, long Count)> Values()
    {
        for (int i = 0; i < Used.Length; i++)
        {
            if (_counts[i] > 0)
            {
                yield return (HighestOf(i), _counts[i]);
            }
        }
    }

    /// <summary>Smallest value of a cell.</summary>
    internal static long LowestOf(int index)
    {
        int bucket = index / HalfCells - 1;
        return bucket < 0 ? index : (long)(index % HalfCells + HalfCells) << bucket;
    }

    /// <summary>Largest value of a cell.</summary>
    internal static long HighestOf(int index)
    {
        int bucket = Math.Max(0, index / HalfCells - 1);
        return LowestOf(index) + (1L << bucket) - 1;
    }

    private static int IndexOf(long value)
    {
        int bucket = Math.Max(0, 64 - BitOperations.LeadingZeroCount((ulong)value) - CellBits);
        return (bucket + 1) * HalfCells + (int)(value >> bucket) - HalfCells;
    }
}
