using System;
using System.Threading;
using Lisafs;
using Sentry.Sync;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Handles that inodes hold in the server, all mounts of one client together. Each costs the server a descriptor, so
/// their number is bounded: an inode that can be found again by its directory and name gives its handle up, the one
/// least recently used first.
/// </summary>
internal sealed class HandleCache(GoferClient client, int limit)
{
    private const int Batch = 16;

    /// <summary>Inodes looked at for each handle that is to be given up; those in use are passed over.</summary>
    private const int ScanPerVictim = 4;

    /// <summary>Guards the fields below and the slots of all inodes.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private GoferInode? _coldest;
    private GoferInode? _warmest;
    private int _count;

    /// <summary>Handles held.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <summary>The inode's handle for the time until <see cref="EndUse"/>; false when it has none.</summary>
    internal bool TryUse(GoferInode inode, out uint handle)
    {
        using (_lock.Enter())
        {
            ref HandleSlot slot = ref inode.Slot;
            handle = slot.Handle;
            if (handle == Protocol.NoHandle)
            {
                return false;
            }

            slot.Uses++;
            if (slot.IsLinked)
            {
                UnlinkLocked(inode);
                LinkLocked(inode);
            }

            return true;
        }
    }

    /// <summary>The use that <see cref="TryUse"/> or <see cref="Bind"/> began is over.</summary>
    internal void EndUse(GoferInode inode)
    {
        uint dead = Protocol.NoHandle;
        using (_lock.Enter())
        {
            ref HandleSlot slot = ref inode.Slot;
            slot.Uses--;
            if (slot.Uses == 0 && slot.IsEvicted)
            {
                dead = TakeLocked(inode);
            }
        }

        client.CloseLater(dead);
    }

    /// <summary>
    /// Takes over a handle on the inode's file and begins so many uses; when another thread was faster, its handle
    /// stays. Returns the one that counts.
    /// </summary>
    internal uint Bind(GoferInode inode, uint handle, int uses)
    {
        uint spare = Protocol.NoHandle;
        uint kept;
        using (_lock.Enter())
        {
            ref HandleSlot slot = ref inode.Slot;
            slot.Uses += uses;
            if (slot.IsEvicted && slot.Uses == 0)
            {
                spare = handle;
            }
            else if (slot.Handle == Protocol.NoHandle)
            {
                slot.Handle = handle;
                _count++;
                if (!slot.MustStay)
                {
                    LinkLocked(inode);
                }
            }
            else if (slot.Handle != handle)
            {
                spare = handle;
            }

            kept = slot.Handle;
        }

        client.CloseLater(spare);
        int excess = Count - limit;
        if (excess > 0)
        {
            Shrink(Math.Min(excess, Batch));
        }

        return kept;
    }

    /// <summary>The file cannot be found by name (again): its handle stays until the inode goes.</summary>
    internal void Keep(GoferInode inode)
    {
        using (_lock.Enter())
        {
            inode.Slot.MustStay = true;
            if (inode.Slot.IsLinked)
            {
                UnlinkLocked(inode);
            }
        }
    }

    /// <summary>The inode goes; its handle too, after the last use.</summary>
    internal void Forget(GoferInode inode)
    {
        uint dead = Protocol.NoHandle;
        using (_lock.Enter())
        {
            inode.Slot.IsEvicted = true;
            if (inode.Slot.Uses == 0)
            {
                dead = TakeLocked(inode);
            }
        }

        client.CloseLater(dead);
    }

    /// <summary>Gives up to so many handles that nobody uses now.</summary>
    internal void Shrink(int wanted)
    {
        Span<uint> dead = stackalloc uint[Batch];
        while (wanted > 0)
        {
            int asked = Math.Min(wanted, Batch);
            int taken = TakeColdest(dead[..asked]);
            foreach (uint handle in dead[..taken])
            {
                client.CloseLater(handle);
            }

            wanted = taken == asked ? wanted - taken : 0;
        }
    }

    private int TakeColdest(Span<uint> dead)
    {
        int taken = 0;
        using (_lock.Enter())
        {
            GoferInode? at = _coldest;
            for (int scan = (dead.Length + Batch) * ScanPerVictim; at is not null && scan > 0; scan--)
            {
                GoferInode? next = at.Slot.Next;
                if (at.Slot.Uses == 0 && at.CanBeFoundAgain)
                {
                    dead[taken++] = TakeLocked(at);
                }
                else
                {
                    UnlinkLocked(at);
                    LinkLocked(at);
                }

                at = taken < dead.Length ? next : null;
            }
        }

        return taken;
    }

    private uint TakeLocked(GoferInode inode)
    {
        uint handle = inode.Slot.Handle;
        if (handle != Protocol.NoHandle)
        {
            inode.Slot.Handle = Protocol.NoHandle;
            _count--;
            if (inode.Slot.IsLinked)
            {
                UnlinkLocked(inode);
            }
        }

        return handle;
    }

    /// <summary>Puts it at the warm end.</summary>
    private void LinkLocked(GoferInode inode)
    {
        inode.Slot.IsLinked = true;
        inode.Slot.Previous = _warmest;
        inode.Slot.Next = null;
        if (_warmest is { } last)
        {
            last.Slot.Next = inode;
        }
        else
        {
            _coldest = inode;
        }

        _warmest = inode;
    }

    private void UnlinkLocked(GoferInode inode)
    {
        GoferInode? previous = inode.Slot.Previous;
        GoferInode? next = inode.Slot.Next;
        inode.Slot.IsLinked = false;
        inode.Slot.Previous = null;
        inode.Slot.Next = null;
        if (previous is not null)
        {
            previous.Slot.Next = next;
        }
        else
        {
            _coldest = next;
        }

        if (next is not null)
        {
            next.Slot.Previous = previous;
        }
        else
        {
            _warmest = previous;
        }
    }
}

/// <summary>An inode's handle and its place among the others; guarded by the cache's lock.</summary>
internal struct HandleSlot
{
    /// <summary>The handle, or none.</summary>
    internal uint Handle;

    /// <summary>Requests in progress that name it.</summary>
    internal int Uses;

    /// <summary>In the list of those that may be given up.</summary>
    internal bool IsLinked;

    /// <summary>Never given up while the inode lives.</summary>
    internal bool MustStay;

    /// <summary>The inode is gone; the handle goes with its last use.</summary>
    internal bool IsEvicted;

    internal GoferInode? Previous;
    internal GoferInode? Next;
}
