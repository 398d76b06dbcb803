using System;
using System.Diagnostics;
using System.Numerics;
using System.Threading;

namespace Sentry.Vfs;

/// <summary>
/// The children table: buckets of immutable nodes. Readers walk without a lock; a reader that meets a removal or a
/// growth in progress may
/// miss an entry and then takes the directory lock, never sees a wrong one. Nodes are never moved, so a reader cannot
/// stray into another chain.
/// </summary>
public sealed partial class Dentry
{
    private const int InitialBuckets = 8;

    private ChildNode?[]? _buckets;
    private int _childCount;

    /// <summary>Hash of a component; randomised per process, so that a guest cannot aim collisions.</summary>
    internal static int HashName(ReadOnlySpan<char> name) => string.GetHashCode(name);

    /// <summary>Entries in the table, positive and negative.</summary>
    internal int ChildCount => Volatile.Read(ref _childCount);

    /// <summary>Finds a cached child without a lock and without allocating.</summary>
    internal Dentry? FindChild(ReadOnlySpan<char> name, int hash)
    {
        ChildNode?[]? buckets = Volatile.Read(ref _buckets);
        if (buckets is null)
        {
            return null;
        }

        ChildNode? node = Volatile.Read(ref buckets[hash & (buckets.Length - 1)]);
        while (node is not null)
        {
            if (node.Hash == hash && name.SequenceEqual(node.Name))
            {
                return node.Child;
            }

            node = Volatile.Read(ref node.Next);
        }

        return null;
    }

    /// <summary>
    /// Adds a child under its current name, before any older entry of that name in the chain. Returns false when the
    /// inode is being evicted.
    /// Caller: directory lock.
    /// </summary>
    internal bool InsertChildLocked(Dentry child)
    {
        Debug.Assert(child.Parent == this, "a child is inserted into its own parent");
        if (child.Inode is { } inode && !inode.TryReference())
        {
            return false;
        }

        child.SetFlag(State.Hashed);
        LinkLocked(child, child.Name);
        return true;
    }

    /// <summary>
    /// Takes a child out of the table; the reference that the table held on its inode passes to the caller.
    /// </summary>
    internal void RemoveChildLocked(Dentry child)
    {
        UnlinkLocked(child, child.Name);
        child.ClearFlag(State.Hashed);
    }

    /// <summary>
    /// Takes a child out because its name is gone for good; the inode reference passes to the caller.
    /// </summary>
    internal void KillChildLocked(Dentry child)
    {
        child.SetFlag(State.Unlinked);
        if (child.IsHashed)
        {
            RemoveChildLocked(child);
        }
    }

    /// <summary>
    /// Moves a child to another directory or name (rename). Both directory locks and the Rename lock are held.
    /// </summary>
    internal void MoveChildLocked(Dentry child, Dentry newParent, string newName)
    {
        string oldName = child.Name;
        bool wasHashed = child.IsHashed;
        int mounts = Volatile.Read(ref child._mountsBelow);
        AddMountsBelow(this, -mounts);
        AddMountsBelow(newParent, mounts);
        Volatile.Write(ref child._name, newName);
        Volatile.Write(ref child._parent, newParent);
        if (wasHashed)
        {
            newParent.LinkLocked(child, newName);
            UnlinkLocked(child, oldName);
        }
    }

    private void LinkLocked(Dentry child, string name)
    {
        if (_buckets is null || _childCount >= _buckets.Length)
        {
            GrowLocked();
        }

        int hash = HashName(name);
        ref ChildNode? bucket = ref _buckets![hash & (_buckets.Length - 1)];
        ChildNode node = new(name, hash, child) { Next = bucket };
        Volatile.Write(ref bucket, node);
        _childCount++;
    }

    private void UnlinkLocked(Dentry child, string name)
    {
        int hash = HashName(name);
        ref ChildNode? link = ref _buckets![hash & (_buckets.Length - 1)];
        while (link is { } node)
        {
            if (node.Child == child && node.Hash == hash && node.Name == name)
            {
                Volatile.Write(ref link, node.Next);
                _childCount--;
                return;
            }

            link = ref node.Next;
        }

        Debug.Fail("child is not in its parent's table");
    }

    private void GrowLocked()
    {
        int size = _buckets is null ? InitialBuckets : _buckets.Length * 2;
        Debug.Assert(BitOperations.IsPow2(size), "bucket counts are powers of two");
        ChildNode?[] grown = new ChildNode?[size];
        foreach (ChildNode? head in _buckets ?? [])
        {
            for (ChildNode? node = head; node is not null; node = node.Next)
            {
                ref ChildNode? bucket = ref grown[node.Hash & (size - 1)];
                bucket = new ChildNode(node.Name, node.Hash, node.Child) { Next = bucket };
            }
        }

        Volatile.Write(ref _buckets, grown);
    }

    /// <summary>One name in a bucket.</summary>
    private sealed class ChildNode(string name, int hash, Dentry child)
    {
        internal readonly string Name = name;
        internal readonly int Hash = hash;
        internal readonly Dentry Child = child;
        internal ChildNode? Next;
    }
}
