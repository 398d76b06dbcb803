using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using IpcAbi = Abi.Linux.Ipc;

namespace Sentry.Ipc;

/// <summary>The objects of one kind in one namespace (ipc/util.c). Guarded by the namespace's lock.</summary>
internal sealed class IpcTable<T>
    where T : IpcObject
{
    /// <summary>Slots that one sequence number stands for (IPCMNI): an id is sequence times this plus slot.</summary>
    public const int SlotsPerSequence = 32768;

    private const int MaxSequence = int.MaxValue / SlotsPerSequence;

    private readonly Dictionary<int, T> _byKey = new();
    private readonly SortedDictionary<int, T> _bySlot = new();
    private int _sequence;
    private int _lastSlot = -1;

    /// <summary>An empty table for at most <paramref name="limit"/> objects.</summary>
    public IpcTable(int limit) => Limit = limit;

    /// <summary>Most objects, at most <see cref="SlotsPerSequence"/>. Any thread may change it.</summary>
    public int Limit { get; set; }

    /// <summary>Objects in it.</summary>
    public int Count => _bySlot.Count;

    /// <summary>Highest slot in use; 0 when none is, as IPC_INFO answers.</summary>
    public int HighestSlot
    {
        get
        {
            int highest = 0;
            foreach (int slot in _bySlot.Keys)
            {
                highest = slot;
            }

            return highest;
        }
    }

    /// <summary>The objects by slot.</summary>
    public IEnumerable<T> All => _bySlot.Values;

    /// <summary>
    /// What *get(2) does before it makes an object: the one that has the key, or null when one is to be made; ENOENT,
    /// EEXIST, EACCES, ENOSPC.
    /// </summary>
    public Errno Find(Task task, IpcNamespace ns, int key, int flags, out T? found)
    {
        found = null;
        if (key != IpcAbi.IPC_PRIVATE && _byKey.TryGetValue(key, out found))
        {
            const int Exclusive = IpcAbi.IPC_CREAT | IpcAbi.IPC_EXCL;
            if ((flags & Exclusive) == Exclusive)
            {
                return Errno.EEXIST;
            }

            return found.Allows(task, ns, (uint)flags & 0x1FF) ? Errno.None : Errno.EACCES;
        }

        bool isMade = key == IpcAbi.IPC_PRIVATE || (flags & IpcAbi.IPC_CREAT) != 0;
        return !isMade ? Errno.ENOENT : Count >= Limit ? Errno.ENOSPC : Errno.None;
    }

    /// <summary>Puts a new object into the next free slot and gives it its id.</summary>
    public void Add(T item)
    {
        // The limit may have been lowered since there was room.
        int slots = Math.Max(Limit, Count + 1);
        int slot = _lastSlot + 1;
        while (slot >= slots || _bySlot.ContainsKey(slot))
        {
            slot = slot >= slots ? 0 : slot + 1;
        }

        if (slot <= _lastSlot)
        {
            _sequence = (_sequence + 1) % MaxSequence;
        }

        _lastSlot = slot;
        item.Id = (_sequence * SlotsPerSequence) + slot;
        _bySlot.Add(slot, item);
        if (item.Key != IpcAbi.IPC_PRIVATE)
        {
            _byKey.Add(item.Key, item);
        }
    }

    /// <summary>The object of an id: EINVAL when there is none, EIDRM when the slot has a newer one.</summary>
    public Errno Get(int id, out T? item)
    {
        item = null;
        if (id < 0 || !_bySlot.TryGetValue(id % SlotsPerSequence, out item))
        {
            return Errno.EINVAL;
        }

        return item.Id == id ? Errno.None : Errno.EIDRM;
    }

    /// <summary>The object of a slot.</summary>
    public Errno GetBySlot(int slot, out T? item)
    {
        item = null;
        return slot >= 0 && _bySlot.TryGetValue(slot % SlotsPerSequence, out item) ? Errno.None : Errno.EINVAL;
    }

    /// <summary>No key finds the object any more.</summary>
    public void Unname(T item)
    {
        if (item.Key != IpcAbi.IPC_PRIVATE && _byKey.GetValueOrDefault(item.Key) == item)
        {
            _byKey.Remove(item.Key);
        }

        item.Key = IpcAbi.IPC_PRIVATE;
    }

    /// <summary>Takes the object out.</summary>
    public void Remove(T item)
    {
        Unname(item);
        _bySlot.Remove(item.Id % SlotsPerSequence);
        item.IsRemoved = true;
    }
}
