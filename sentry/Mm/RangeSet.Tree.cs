using System;

namespace Sentry.Mm;

public sealed partial class RangeSet<TValue, TPolicy>
{
    private int Leftmost(int at)
    {
        while (_nodes[at].Left != None)
        {
            at = _nodes[at].Left;
        }

        return at;
    }

    private int Rightmost(int at)
    {
        while (_nodes[at].Right != None)
        {
            at = _nodes[at].Right;
        }

        return at;
    }

    private void Link(int handle, int parent, ulong start)
    {
        _nodes[handle].Parent = parent;
        if (parent == None)
        {
            _root = handle;
        }
        else if (start < _nodes[parent].Start)
        {
            _nodes[parent].Left = handle;
        }
        else
        {
            _nodes[parent].Right = handle;
        }
    }

    /// <summary>Takes a node out of the tree; returns where re-balancing must begin.</summary>
    private int Unlink(int handle)
    {
        ref Node node = ref _nodes[handle];
        if (node.Left == None || node.Right == None)
        {
            Replace(handle, node.Left != None ? node.Left : node.Right);
            return node.Parent;
        }

        int heir = Leftmost(node.Right);
        int start = _nodes[heir].Parent;
        if (start == handle)
        {
            start = heir;
        }
        else
        {
            Replace(heir, _nodes[heir].Right);
            _nodes[heir].Right = node.Right;
            _nodes[node.Right].Parent = heir;
        }

        _nodes[heir].Left = node.Left;
        _nodes[node.Left].Parent = heir;
        Replace(handle, heir);
        return start;
    }

    /// <summary>Puts <paramref name="other"/> (may be none) where <paramref name="handle"/> hangs.</summary>
    private void Replace(int handle, int other)
    {
        int parent = _nodes[handle].Parent;
        if (parent == None)
        {
            _root = other;
        }
        else if (_nodes[parent].Left == handle)
        {
            _nodes[parent].Left = other;
        }
        else
        {
            _nodes[parent].Right = other;
        }

        if (other != None)
        {
            _nodes[other].Parent = parent;
        }
    }

    private void Rebalance(int at)
    {
        while (at != None)
        {
            Refresh(at);
            int balance = Balance(at);
            if (balance > 1)
            {
                int left = _nodes[at].Left;
                if (Balance(left) < 0)
                {
                    RotateLeft(left);
                }

                at = RotateRight(at);
            }
            else if (balance < -1)
            {
                int right = _nodes[at].Right;
                if (Balance(right) > 0)
                {
                    RotateRight(right);
                }

                at = RotateLeft(at);
            }

            at = _nodes[at].Parent;
        }
    }

    private int Balance(int at) => _nodes[_nodes[at].Left].Height - _nodes[_nodes[at].Right].Height;

    private int RotateLeft(int at)
    {
        int up = _nodes[at].Right;
        int moved = _nodes[up].Left;
        _nodes[at].Right = moved;
        if (moved != None)
        {
            _nodes[moved].Parent = at;
        }

        Replace(at, up);
        _nodes[up].Left = at;
        _nodes[at].Parent = up;
        Refresh(at);
        Refresh(up);
        return up;
    }

    private int RotateRight(int at)
    {
        int up = _nodes[at].Left;
        int moved = _nodes[up].Right;
        _nodes[at].Left = moved;
        if (moved != None)
        {
            _nodes[moved].Parent = at;
        }

        Replace(at, up);
        _nodes[up].Right = at;
        _nodes[at].Parent = up;
        Refresh(at);
        Refresh(up);
        return up;
    }

    /// <summary>Recomputes what a node derives from its children.</summary>
    private void Refresh(int at)
    {
        ref Node node = ref _nodes[at];
        ref Node left = ref _nodes[node.Left];
        ref Node right = ref _nodes[node.Right];
        node.Height = Math.Max(left.Height, right.Height) + 1;
        node.MaxGap = Math.Max(node.Gap, Math.Max(left.MaxGap, right.MaxGap));
    }

    /// <summary>Recomputes the gap before a node and the maxima above it.</summary>
    private void UpdateGap(int at)
    {
        if (at == None)
        {
            return;
        }

        int previous = Previous(at);
        _nodes[at].Gap = _nodes[at].Start - (previous == None ? 0 : _nodes[previous].End);
        for (; at != None; at = _nodes[at].Parent)
        {
            ref Node node = ref _nodes[at];
            node.MaxGap = Math.Max(node.Gap, Math.Max(_nodes[node.Left].MaxGap, _nodes[node.Right].MaxGap));
        }
    }
}
