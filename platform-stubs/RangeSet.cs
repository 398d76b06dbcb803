using System;

namespace Platform.Stubs;

/// <summary>
/// A set of addresses as sorted, disjoint, non-adjacent ranges. Additions and removals move array elements: fine for
/// the thousands of ranges an
/// address space has.
/// </summary>
internal sealed class RangeSet
{
    private (ulong Start, ulong End)[] _ranges = new (ulong, ulong)[16];
    private int _count;

    /// <summary>Number of ranges.</summary>
    public int Count => _count;

    /// <summary>The range with this index, in order of addresses.</summary>
    public (ulong Start, ulong End) this[int index] => _ranges.AsSpan(0, _count)[index];

    /// <summary>Removes everything.</summary>
    public void Clear() => _count = 0;

    /// <summary>
    /// Index of the first range that ends above <paramref name="address"/>; <see cref="Count"/> when none does.
    /// </summary>
    public int FirstEndingAbove(ulong address)
    {
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_ranges[middle].End > address)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }
        return low;
    }

    /// <summary>Whether any address of [start, end) is in the set.</summary>
    public bool Intersects(ulong start, ulong end)
    {
        int i = FirstEndingAbove(start);
        return i < _count && _ranges[i].Start < end;
    }

    /// <summary>Adds [start, end), merging with what it touches.</summary>
    public void Add(ulong start, ulong end)
    {
        int first = start == 0 ? 0 : FirstEndingAbove(start - 1);
        int last = first;
        while (last < _count && _ranges[last].Start <= end)
        {
            start = Math.Min(start, _ranges[last].Start);
            end = Math.Max(end, _ranges[last].End);
            last++;
        }
        Replace(first, last, 1);
        _ranges[first] = (start, end);
    }

    /// <summary>Removes [start, end).</summary>
    public void Remove(ulong start, ulong end)
    {
        int first = FirstEndingAbove(start);
        int last = first;
        while (last < _count && _ranges[last].Start < end)
        {
            last++;
        }
        if (first == last)
        {
            return;
        }
        (ulong Start, ulong End) left = (_ranges[first].Start, start);
        (ulong Start, ulong End) right = (end, _ranges[last - 1].End);
        bool keepLeft = left.Start < left.End;
        bool keepRight = right.Start < right.End;
        Replace(first, last, (keepLeft ? 1 : 0) + (keepRight ? 1 : 0));
        if (keepLeft)
        {
            _ranges[first++] = left;
        }
        if (keepRight)
        {
            _ranges[first] = right;
        }
    }

    /// <summary>
    /// Makes the elements [first, last) into <paramref name="count"/> elements of no particular value.
    /// </summary>
    private void Replace(int first, int last, int count)
    {
        int size = _count - (last - first) + count;
        if (size > _ranges.Length)
        {
            Array.Resize(ref _ranges, Math.Max(size, _ranges.Length * 2));
        }
        Array.Copy(_ranges, last, _ranges, first + count, _count - last);
        _count = size;
    }
}
