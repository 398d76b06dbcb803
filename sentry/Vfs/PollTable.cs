using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// What poll(2) and select(2) wait for: files, wanted events, and one wait entry each. One table per host thread,
/// reused, so that waiting allocates nothing in
/// the steady state.
/// </summary>
public sealed class PollTable
{
    private const uint AlwaysReported = Epoll.EPOLLERR | Epoll.EPOLLHUP;
    private const int InitialSize = 16;

    [ThreadStatic]
    private static PollTable? t_table;

    private Slot[] _slots = new Slot[InitialSize];
    private int _count;

    /// <summary>The calling thread's table, empty.</summary>
    public static PollTable Current
    {
        get
        {
            PollTable table = t_table ??= new PollTable();
            table.Clear();
            return table;
        }
    }

    /// <summary>Number of slots in use.</summary>
    public int Count => _count;

    /// <summary>
    /// Adds a file, whose reference the table takes over, and the events wanted; errors and hang-ups are wanted
    /// always. Null for a slot that never is ready.
    /// </summary>
    public void Add(FileDescription? file, uint wanted) => AddExactly(file, wanted | AlwaysReported);

    /// <summary>Adds a slot for a bad descriptor: POLLNVAL.</summary>
    public void AddInvalid()
    {
        AddExactly(null, 0);
        _slots[_count - 1].Ready = Epoll.EPOLLNVAL;
    }

    /// <summary>As <see cref="Add"/> with these events only.</summary>
    public void AddExactly(FileDescription? file, uint wanted)
    {
        if (_count == _slots.Length)
        {
            Array.Resize(ref _slots, _count * 2);
        }

        ref Slot slot = ref _slots[_count++];
        slot.File = file;
        slot.Wanted = wanted;
        slot.Ready = 0;
    }

    /// <summary>Events found for slot <paramref name="index"/> by <see cref="Wait"/>.</summary>
    public uint Ready(int index) => _slots[index].Ready;

    /// <summary>
    /// Waits until a slot is ready, a signal (ERESTARTSYS) or the deadline (None with nothing ready). <paramref
    /// name="alreadyReady"/>: the caller knows of
    /// results (bad descriptors), so do not wait.
    /// </summary>
    public Errno Wait(Task task, long deadlineNs, int alreadyReady, out int ready)
    {
        ready = alreadyReady + Scan(task);
        if (ready > 0 || deadlineNs == 0)
        {
            return Errno.None;
        }

        Errno error = Errno.None;
        Register(task);
        while ((ready = Scan(task)) == 0 && error == Errno.None)
        {
            error = task.Block(deadlineNs);
        }

        Unregister();
        return error == Errno.ETIMEDOUT || ready > 0 ? Errno.None : error;
    }

    /// <summary>Drops every reference.</summary>
    public void Clear()
    {
        for (int i = 0; i < _count; i++)
        {
            FileDescription? file = _slots[i].File;
            _slots[i].File = null;
            file?.DropReference(null);
        }

        _count = 0;
    }

    private int Scan(Task task)
    {
        int ready = 0;
        for (int i = 0; i < _count; i++)
        {
            ref Slot slot = ref _slots[i];
            if (slot.File is { } file)
            {
                slot.Ready = file.Poll(task) & slot.Wanted;
                ready += slot.Ready != 0 ? 1 : 0;
            }
        }

        return ready;
    }

    private void Register(Task task)
    {
        for (int i = 0; i < _count; i++)
        {
            ref Slot slot = ref _slots[i];
            if (slot.File?.WaitQueue is { } queue)
            {
                slot.Entry ??= new Entry();
                slot.Entry.Owner = task;
                slot.Entry.Events = slot.Wanted;
                slot.Queue = queue;
                queue.Add(slot.Entry);
            }
        }
    }

    private void Unregister()
    {
        for (int i = 0; i < _count; i++)
        {
            ref Slot slot = ref _slots[i];
            slot.Queue?.Remove(slot.Entry!);
            slot.Queue = null;
        }
    }

    private struct Slot
    {
        public FileDescription? File;
        public WaitQueue? Queue;
        public Entry? Entry;
        public uint Wanted;
        public uint Ready;
    }

    private sealed class Entry : WaitEntry
    {
        public Task? Owner;

        public override bool OnNotify(uint events)
        {
            Owner!.Wake();
            return true;
        }
    }
}
