using System.Threading;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>
/// One registration on a <see cref="WaitQueue"/>. Make it once per waiter and reuse it; it is on at most one queue at
/// a time.
/// </summary>
public abstract class WaitEntry
{
    internal WaitEntry? Next;
    internal WaitEntry? Previous;
    internal WaitQueue? Queue;

    /// <summary>Poll events (EPOLLIN...) that wake this entry; set before <see cref="WaitQueue.Add"/>. EPOLLERR and
    /// EPOLLHUP always wake.</summary>
    public uint Events { get; set; } = uint.MaxValue;

    /// <summary>An exclusive entry: <see cref="WaitQueue.Notify"/> stops after waking one that says it consumed the
    /// event (EPOLLEXCLUSIVE, accept).</summary>
    public bool IsExclusive { get; set; }

    /// <summary>
    /// Called under the queue's lock with the events that occurred; must only set flags, wake threads or take leaf
    /// locks.
    /// Returns true when the event was consumed, which ends the walk for an exclusive entry.
    /// </summary>
    public abstract bool OnNotify(uint events);
}

/// <summary>Who wants to know when an object changes: the wait_queue_head_t of this kernel. Empty-queue notification
/// takes no lock.</summary>
public sealed class WaitQueue
{
    private const uint AlwaysWake = 0x8 | 0x10;

    private readonly OrderedLock<WaitQueueLevel> _lock = new();
    private WaitEntry? _head;
    private WaitEntry? _tail;
    private int _count;

    /// <summary>True when nobody waits (a hint; exact under the owner's lock).</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Appends the entry. The caller then re-checks its condition: a change before the add is not
    /// reported.</summary>
    public void Add(WaitEntry entry)
    {
        using (_lock.Enter())
        {
            entry.Queue = this;
            entry.Previous = _tail;
            entry.Next = null;
            if (_tail is null)
            {
                _head = entry;
            }
            else
            {
                _tail.Next = entry;
            }

            _tail = entry;
            _count++;
        }

        Interlocked.MemoryBarrier();
    }

    /// <summary>Removes the entry if it is on this queue; when it returns no callback is running or will run.</summary>
    public void Remove(WaitEntry entry)
    {
        using (_lock.Enter())
        {
            if (entry.Queue == this)
            {
                UnlinkLocked(entry);
            }
        }
    }

    /// <summary>Reports events to every entry that asked for one of them. Call after the state changed.</summary>
    public void Notify(uint events)
    {
        Interlocked.MemoryBarrier();
        if (IsEmpty)
        {
            return;
        }

        using (_lock.Enter())
        {
            WalkLocked(events);
        }
    }

    /// <summary>
    /// As <see cref="Notify"/> from within a callback of another queue (an epoll instance passing an event on). The
    /// caller guarantees that
    /// such chains form no cycle: epoll_ctl(2) refuses loops. Returns true when an entry consumed the event.
    /// </summary>
    public bool NotifyNested(uint events)
    {
        Interlocked.MemoryBarrier();
        if (IsEmpty)
        {
            return false;
        }

        using (_lock.EnterNested())
        {
            return WalkLocked(events);
        }
    }

    private bool WalkLocked(uint events)
    {
        bool consumed = false;
        WaitEntry? entry = _head;
        while (entry is not null)
        {
            WaitEntry? next = entry.Next;
            if ((events & (entry.Events | AlwaysWake)) != 0 && entry.OnNotify(events))
            {
                consumed = true;
                if (entry.IsExclusive)
                {
                    break;
                }
            }

            entry = next;
        }

        return consumed;
    }

    private void UnlinkLocked(WaitEntry entry)
    {
        if (entry.Previous is null)
        {
            _head = entry.Next;
        }
        else
        {
            entry.Previous.Next = entry.Next;
        }

        if (entry.Next is null)
        {
            _tail = entry.Previous;
        }
        else
        {
            entry.Next.Previous = entry.Previous;
        }

        entry.Queue = null;
        entry.Next = null;
        entry.Previous = null;
        _count--;
    }
}
