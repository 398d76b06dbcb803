using System;
using System.Diagnostics;

namespace Sentry.Mm;

/// <summary>What happens to values when ranges are cut and joined.</summary>
public interface IRangePolicy<TValue>
{
    /// <summary>The range of <paramref name="left"/> is cut <paramref name="distance"/> bytes after its start:
    /// returns the value of the right part.</summary>
    static abstract TValue Split(ref TValue left, ulong distance);

    /// <summary>Joins two adjacent ranges when their values allow it: <paramref name="left"/> becomes the value of
    /// both.</summary>
    static abstract bool TryMerge(ref TValue left, ulong leftLength, in TValue right);
}

/// <summary>
/// Disjoint half-open ranges of 64-bit addresses with a value each, in order: an AVL tree in an array, augmented with
/// the largest gap of every
/// subtree. A range is named by a handle (a positive number) that stays good until the range is removed; 0 is none.
/// References that
/// <see cref="Value"/> returns end at the next insertion. Steady state allocates nothing. Not thread-safe.
/// </summary>
public sealed partial class RangeSet<TValue, TPolicy>
    where TPolicy : struct, IRangePolicy<TValue>
{
    private const int None = 0;
    private const int InitialCapacity = 4;
    private const long NodeBytes = 112;

    // Only the sentinel of handle 0, which nobody writes while there are no ranges: most sets stay empty.
    private static readonly Node[] s_empty = new Node[1];

    private Node[] _nodes = s_empty;
    private int _used = 1;
    private int _free;
    private int _root;
    private int _lastHit;

    private struct Node
    {
        public ulong Start;
        public ulong End;
        public ulong Gap;
        public ulong MaxGap;
        public int Left;
        public int Right;
        public int Parent;
        public int Height;
        public TValue Value;
    }

    /// <summary>What the set takes on the heap beyond an empty one, roughly.</summary>
    internal long HeapBytes => (_nodes.Length - 1) * NodeBytes;

    /// <summary>Number of ranges.</summary>
    public int Count { get; private set; }

    /// <summary>Lowest range, 0 when empty.</summary>
    public int First => _root == None ? None : Leftmost(_root);

    /// <summary>Highest range, 0 when empty.</summary>
    public int Last => _root == None ? None : Rightmost(_root);

    /// <summary>First address of a range.</summary>
    public ulong Start(int handle) => _nodes[handle].Start;

    /// <summary>First address after a range.</summary>
    public ulong End(int handle) => _nodes[handle].End;

    /// <summary>Bounds of a range.</summary>
    public GuestRange Range(int handle) => GuestRange.FromBounds(_nodes[handle].Start, _nodes[handle].End);

    /// <summary>Value of a range; the reference is good until the next insertion.</summary>
    public ref TValue Value(int handle) => ref _nodes[handle].Value;

    /// <summary>Next range upwards, 0 at the end.</summary>
    public int Next(int handle)
    {
        Node[] nodes = _nodes;
        if (nodes[handle].Right != None)
        {
            return Leftmost(nodes[handle].Right);
        }

        int parent = nodes[handle].Parent;
        while (parent != None && nodes[parent].Right == handle)
        {
            handle = parent;
            parent = nodes[parent].Parent;
        }

        return parent;
    }

    /// <summary>Next range downwards, 0 at the end.</summary>
    public int Previous(int handle)
    {
        Node[] nodes = _nodes;
        if (nodes[handle].Left != None)
        {
            return Rightmost(nodes[handle].Left);
        }

        int parent = nodes[handle].Parent;
        while (parent != None && nodes[parent].Left == handle)
        {
            handle = parent;
            parent = nodes[parent].Parent;
        }

        return parent;
    }

    /// <summary>Range that holds the address, 0 when it lies in a gap.</summary>
    public int Find(ulong address)
    {
        ref Node hit = ref _nodes[_lastHit];
        if (address - hit.Start < hit.End - hit.Start)
        {
            return _lastHit;
        }

        int found = FindAtOrAfter(address);
        if (found == None || _nodes[found].Start > address)
        {
            return None;
        }

        _lastHit = found;
        return found;
    }

    /// <summary>Lowest range that ends after the address: it holds it or follows it.</summary>
    public int FindAtOrAfter(ulong address)
    {
        Node[] nodes = _nodes;
        int best = None;
        int at = _root;
        while (at != None)
        {
            if (nodes[at].End > address)
            {
                best = at;
                at = nodes[at].Left;
            }
            else
            {
                at = nodes[at].Right;
            }
        }

        return best;
    }

    /// <summary>Highest range that starts before the address.</summary>
    public int FindBefore(ulong address)
    {
        int next = FindAtOrAfter(address);
        if (next == None)
        {
            return Last;
        }

        return _nodes[next].Start < address ? next : Previous(next);
    }

    /// <summary>True when nothing overlaps the range.</summary>
    public bool IsFree(GuestRange range)
    {
        int next = FindAtOrAfter(range.Start);
        return next == None || _nodes[next].Start >= range.End;
    }

    /// <summary>Adds a range, which must be free and not empty.</summary>
    public int Insert(GuestRange range, in TValue value)
    {
        Debug.Assert(!range.IsEmpty && IsFree(range), "range is taken");
        int handle = NewNode(range, in value);
        int parent = None;
        int at = _root;
        while (at != None)
        {
            parent = at;
            at = range.Start < _nodes[at].Start ? _nodes[at].Left : _nodes[at].Right;
        }

        Link(handle, parent, range.Start);
        Count++;
        UpdateGap(handle);
        UpdateGap(Next(handle));
        Rebalance(parent);
        return handle;
    }

    /// <summary>Removes a range. The handle is dead then.</summary>
    public void Remove(int handle)
    {
        int next = Next(handle);
        int start = Unlink(handle);
        _nodes[handle] = default;
        _nodes[handle].Left = _free;
        _free = handle;
        Count--;
        Rebalance(start);
        UpdateGap(next);
    }

    /// <summary>Cuts a range in two at an inner address; returns the right part, the handle keeps the left.</summary>
    public int Split(int handle, ulong at)
    {
        ulong start = _nodes[handle].Start;
        ulong end = _nodes[handle].End;
        Debug.Assert(at > start && at < end, "cut outside the range");
        TValue right = TPolicy.Split(ref _nodes[handle].Value, at - start);
        _nodes[handle].End = at;
        return Insert(GuestRange.FromBounds(at, end), in right);
    }

    /// <summary>Makes the range fit inside <paramref name="bounds"/>, which it overlaps, by cutting what sticks out;
    /// returns the inner part.</summary>
    public int Isolate(int handle, GuestRange bounds)
    {
        if (_nodes[handle].Start < bounds.Start)
        {
            handle = Split(handle, bounds.Start);
        }

        if (_nodes[handle].End > bounds.End)
        {
            Split(handle, bounds.End);
        }

        return handle;
    }

    /// <summary>Joins a range with its neighbours where the policy allows; returns the range that now covers
    /// it.</summary>
    public int Merge(int handle)
    {
        int previous = Previous(handle);
        if (previous != None && TryJoin(previous, handle))
        {
            handle = previous;
        }

        int next = Next(handle);
        if (next != None)
        {
            TryJoin(handle, next);
        }

        return handle;
    }

    /// <summary>Joins whatever can be joined among the ranges that touch <paramref name="bounds"/>.</summary>
    public void MergeAll(GuestRange bounds)
    {
        int at = FindAtOrAfter(bounds.Start == 0 ? 0 : bounds.Start - 1);
        while (at != None && _nodes[at].Start <= bounds.End)
        {
            int next = Next(at);
            if (next == None || !TryJoin(at, next))
            {
                at = next;
            }
        }
    }

    /// <summary>Moves the bounds of a range without touching its value; the new bounds must not overlap another
    /// range.</summary>
    public void Resize(int handle, GuestRange bounds)
    {
        _nodes[handle].Start = bounds.Start;
        _nodes[handle].End = bounds.End;
        UpdateGap(handle);
        UpdateGap(Next(handle));
    }

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        _nodes = s_empty;
        _used = 1;
        _free = None;
        _root = None;
        _lastHit = None;
        Count = 0;
    }

    private bool TryJoin(int left, int right)
    {
        ref Node low = ref _nodes[left];
        ref Node high = ref _nodes[right];
        if (low.End != high.Start || !TPolicy.TryMerge(ref low.Value, low.End - low.Start, in high.Value))
        {
            return false;
        }

        ulong end = high.End;
        Remove(right);
        _nodes[left].End = end;
        UpdateGap(Next(left));
        return true;
    }

    private int NewNode(GuestRange range, in TValue value)
    {
        int handle = _free;
        if (handle != None)
        {
            _free = _nodes[handle].Left;
        }
        else
        {
            if (_used == _nodes.Length)
            {
                Array.Resize(ref _nodes, Math.Max(InitialCapacity, _used * 2));
            }

            handle = _used++;
        }

        _nodes[handle] = new Node { Start = range.Start, End = range.End, Height = 1, Value = value };
        return handle;
    }
}
