using System.Collections.Generic;
using System.Threading;

namespace Sentry.Vfs;

/// <summary>
/// The mounts attached to one, by the place they cover and in the order they came. Changed under the Rename and Mount
/// locks; readers take none: they may miss what comes or goes meanwhile and see nothing wrong.
/// </summary>
internal sealed class MountChildren
{
    private const int FirstCapacity = 4;

    private Node?[] _buckets = new Node?[FirstCapacity];
    private Slots _slots = new(FirstCapacity);
    private int _count;

    /// <summary>The mount directly on a dentry.</summary>
    internal Mount? Find(Dentry mountpoint)
    {
        Node?[] buckets = Volatile.Read(ref _buckets);
        Node? node = Volatile.Read(ref buckets[mountpoint.Serial & (buckets.Length - 1)]);
        while (node is not null && node.Mountpoint != mountpoint)
        {
            node = Volatile.Read(ref node.Next);
        }

        return node?.Child;
    }

    /// <summary>All of them, in the order they came.</summary>
    internal Mount[] ToArray()
    {
        Slots slots = Volatile.Read(ref _slots);
        int used = Volatile.Read(ref slots.Used);
        List<Mount> mounts = new(used);
        for (int i = 0; i < used; i++)
        {
            if (Volatile.Read(ref slots.Mounts[i]) is { } mount)
            {
                mounts.Add(mount);
            }
        }

        return [.. mounts];
    }

    internal void AddLocked(Mount child, Dentry mountpoint)
    {
        if (_count == _buckets.Length)
        {
            GrowLocked();
        }

        if (_slots.Used == _slots.Mounts.Length)
        {
            PackLocked();
        }

        Link(_buckets, new Node(child, mountpoint));
        child.SlotInParent = _slots.Used;
        Volatile.Write(ref _slots.Mounts[_slots.Used], child);
        Volatile.Write(ref _slots.Used, _slots.Used + 1);
        _count++;
    }

    internal void RemoveLocked(Mount child, Dentry mountpoint)
    {
        ref Node? link = ref _buckets[mountpoint.Serial & (_buckets.Length - 1)];
        while (link is { } node)
        {
            if (node.Child == child)
            {
                Volatile.Write(ref link, node.Next);
                break;
            }

            link = ref node.Next;
        }

        Volatile.Write(ref _slots.Mounts[child.SlotInParent], null);
        _count--;
    }

    // Behind those of the same place: who was there first stays visible.
    private static void Link(Node?[] buckets, Node added)
    {
        ref Node? link = ref buckets[added.Mountpoint.Serial & (buckets.Length - 1)];
        while (link is { } node)
        {
            link = ref node.Next;
        }

        Volatile.Write(ref link, added);
    }

    private void GrowLocked()
    {
        Node?[] grown = new Node?[_buckets.Length * 2];
        foreach (Node? head in _buckets)
        {
            for (Node? node = head; node is not null; node = node.Next)
            {
                Link(grown, new Node(node.Child, node.Mountpoint));
            }
        }

        Volatile.Write(ref _buckets, grown);
    }

    /// <summary>Room for more: without the empty places, and twice as many as are left.</summary>
    private void PackLocked()
    {
        Slots packed = new((_count + FirstCapacity) * 2);
        foreach (Mount? mount in _slots.Mounts)
        {
            if (mount is not null)
            {
                mount.SlotInParent = packed.Used;
                packed.Mounts[packed.Used++] = mount;
            }
        }

        Volatile.Write(ref _slots, packed);
    }

    private sealed class Slots(int capacity)
    {
        internal readonly Mount?[] Mounts = new Mount?[capacity];
        internal int Used;
    }

    private sealed class Node(Mount child, Dentry mountpoint)
    {
        internal readonly Mount Child = child;
        internal readonly Dentry Mountpoint = mountpoint;
        internal Node? Next;
    }
}
