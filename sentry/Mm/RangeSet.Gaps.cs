using System;

namespace Sentry.Mm;

public sealed partial class RangeSet<TValue, TPolicy>
{
    /// <summary>Highest free place of <paramref name="length"/> bytes inside [lowest, highest).</summary>
    public bool FindGapFromTop(ulong lowest, ulong highest, ulong length, out ulong start)
    {
        int above = FindAtOrAfter(highest);
        if (above != None && _nodes[above].Start < highest)
        {
            highest = _nodes[above].Start;
        }

        int below = above == None ? Last : Previous(above);
        while (true)
        {
            ulong floor = Math.Max(lowest, below == None ? 0 : _nodes[below].End);
            if (highest > floor && highest - floor >= length)
            {
                start = highest - length;
                return true;
            }

            int next = PreviousWithGap(below, length);
            if (next == None || _nodes[next].Start <= lowest)
            {
                start = 0;
                return false;
            }

            highest = _nodes[next].Start;
            below = Previous(next);
        }
    }

    /// <summary>Lowest free place of <paramref name="length"/> bytes inside [lowest, highest).</summary>
    public bool FindGapFromBottom(ulong lowest, ulong highest, ulong length, out ulong start)
    {
        start = lowest;
        int next = FindAtOrAfter(lowest);
        if (next != None && _nodes[next].Start <= lowest)
        {
            start = _nodes[next].End;
            next = Next(next);
        }

        while (true)
        {
            ulong ceiling = next == None ? highest : Math.Min(highest, _nodes[next].Start);
            if (ceiling > start && ceiling - start >= length)
            {
                return true;
            }

            if (next == None || ceiling == highest)
            {
                start = 0;
                return false;
            }

            int after = NextWithGap(next, length);
            int before = after == None ? Last : Previous(after);
            start = Math.Max(start, _nodes[before].End);
            next = after;
        }
    }

    /// <summary>The range at or below <paramref name="at"/> with a gap of at least <paramref name="length"/> before
    /// it.</summary>
    private int PreviousWithGap(int at, ulong length)
    {
        while (at != None)
        {
            if (_nodes[at].Gap >= length)
            {
                return at;
            }

            int left = _nodes[at].Left;
            if (_nodes[left].MaxGap >= length)
            {
                return LastInSubtree(left, length);
            }

            int parent = _nodes[at].Parent;
            while (parent != None && _nodes[parent].Left == at)
            {
                at = parent;
                parent = _nodes[parent].Parent;
            }

            at = parent;
        }

        return None;
    }

    private int LastInSubtree(int at, ulong length)
    {
        while (true)
        {
            if (_nodes[_nodes[at].Right].MaxGap >= length)
            {
                at = _nodes[at].Right;
            }
            else if (_nodes[at].Gap >= length)
            {
                return at;
            }
            else
            {
                at = _nodes[at].Left;
            }
        }
    }

    /// <summary>The range above <paramref name="at"/> with a gap of at least <paramref name="length"/> before
    /// it.</summary>
    private int NextWithGap(int at, ulong length)
    {
        while (at != None)
        {
            int right = _nodes[at].Right;
            if (_nodes[right].MaxGap >= length)
            {
                return FirstInSubtree(right, length);
            }

            int parent = _nodes[at].Parent;
            while (parent != None && _nodes[parent].Right == at)
            {
                at = parent;
                parent = _nodes[parent].Parent;
            }

            at = parent;
            if (at != None && _nodes[at].Gap >= length)
            {
                return at;
            }
        }

        return None;
    }

    private int FirstInSubtree(int at, ulong length)
    {
        while (true)
        {
            if (_nodes[_nodes[at].Left].MaxGap >= length)
            {
                at = _nodes[at].Left;
            }
            else if (_nodes[at].Gap >= length)
            {
                return at;
            }
            else
            {
                at = _nodes[at].Right;
            }
        }
    }
}
