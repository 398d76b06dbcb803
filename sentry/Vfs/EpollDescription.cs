using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>
/// An epoll instance (epoll(7), fs/eventpoll.c). The interest table is keyed by file and descriptor; a notification
/// from a file puts its item on the ready list
/// in O(1), and epoll_wait(2) looks only at that list.
/// </summary>
public sealed partial class EpollDescription : FileDescription
{
    private const uint Conditions = ~(Epoll.EPOLLET | Epoll.EPOLLONESHOT | Epoll.EPOLLEXCLUSIVE | Epoll.EPOLLWAKEUP);
    private const uint AlwaysReported = Epoll.EPOLLERR | Epoll.EPOLLHUP;
    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM;
    private const uint InOut = Epoll.EPOLLIN | Epoll.EPOLLOUT;

    private readonly AnonymousInode _inode;
    private readonly WaitQueue _queue = new();

    // Nested instances are locked outside in; epoll_ctl(2) refuses loops.
    private readonly OrderedLock<EpollLevel> _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<(FileDescription File, int Descriptor), EpollItem> _items = new();

    private readonly OrderedLock<LeafLevel> _readyLock = new();

    // Guarded by _readyLock.
    private EpollItem? _readyHead;
    private EpollItem? _readyTail;
    private int _readyCount;

    /// <summary>An empty instance.</summary>
    public EpollDescription(GuestKernel kernel)
    {
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x180, 0, 0);
        Flags = Fcntl.O_RDWR;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "anon_inode:[eventpoll]";

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _queue;

    /// <summary>True when something may be ready; a hint that costs no lock.</summary>
    public bool MayBeReady => System.Threading.Volatile.Read(ref _readyCount) > 0;

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        return Errno.EINVAL;
    }

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        done = 0;
        return Errno.EINVAL;
    }

    /// <inheritdoc/>
    public override void AppendInformation(Task reader, StringBuilder text)
    {
        const int DecimalColumns = 8;
        const int DataColumns = 16;
        List<(FileDescription File, int Descriptor, uint Events, ulong Data)> items = [];
        using (_lock.Enter())
        {
            foreach (EpollItem item in _items.Values)
            {
                items.Add((item.File, item.Descriptor, item.Events | item.Behaviour, item.Data));
            }
        }

        foreach ((FileDescription file, int descriptor, uint wanted, ulong data) in items)
        {
            file.Inode.GetAttributes(out InodeAttributes attributes);
            text.Append("tfd: ").Append(descriptor.ToString().PadLeft(DecimalColumns));
            text.Append(" events: ").Append(wanted.ToString("x").PadLeft(DecimalColumns));
            text.Append(" data: ").Append(data.ToString("x").PadLeft(DataColumns));
            text.Append("  pos:").Append(file.Position).Append(" ino:").Append(attributes.Inode.ToString("x"));
            text.Append(" sdev:").Append(attributes.Device.ToString("x")).Append('\n');
        }
    }

    /// <summary>Succeeds and does nothing (noop_llseek).</summary>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.None;
    }

    /// <summary>EINVAL for what it does not know (fs/eventpoll.c, ep_eventpoll_ioctl).</summary>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        return Errno.EINVAL;
    }

    /// <summary>Readable when an item on the ready list is ready indeed; items that are not leave the list.</summary>
    public override uint Poll(Task task)
    {
        if (!MayBeReady)
        {
            return 0;
        }

        using (_lock.EnterNested())
        {
            for (int left = ReadyCount(); left > 0; left--)
            {
                EpollItem? item = PopReady();
                if (item is null)
                {
                    return 0;
                }

                if (ReadyEventsLocked(task, item) != 0)
                {
                    PushReady(item);
                    return ReadEvents;
                }
            }
        }

        return 0;
    }

    /// <summary>
    /// Hands at most <paramref name="maxEvents"/> ready events to the guest at <paramref name="events"/>.
    /// Level-triggered items stay on the list; one-shot items
    /// are disabled. EFAULT only when nothing was handed over; the item that could not be stays ready.
    /// </summary>
    public Errno Collect(Task task, GuestAddress events, int maxEvents, out int count)
    {
        count = 0;
        if (!MayBeReady)
        {
            return Errno.None;
        }

        Errno error = Errno.None;
        using (_lock.Enter())
        {
            for (int left = ReadyCount(); left > 0 && count < maxEvents; left--)
            {
                EpollItem? item = PopReady();
                if (item is null)
                {
                    break;
                }

                uint ready = ReadyEventsLocked(task, item);
                if (ready == 0)
                {
                    continue;
                }

                EpollEvent value = new() { events = ready, data = item.Data };
                error = task.Mm.Write(events.Field(count * 12), value);
                if (error != Errno.None)
                {
                    PushReady(item);
                    break;
                }

                count++;
                AfterDeliveryLocked(item);
            }
        }

        PassOn();
        return count > 0 ? Errno.None : error;
    }

    /// <summary>Another waiter may have to see what is still ready: waiters are woken one at a time.</summary>
    internal void PassOn()
    {
        if (MayBeReady && !_queue.IsEmpty)
        {
            _queue.Notify(ReadEvents);
        }
    }

    /// <summary>
    /// A watched file changed; under the lock of its queue. Returns whether a waiter was woken, which matters to
    /// exclusive items.
    /// </summary>
    internal bool OnItemNotified(EpollItem item, uint events)
    {
        if (item.IsDisabled)
        {
            return false;
        }

        PushReady(item);
        bool woken = _queue.NotifyNested(ReadEvents);
        if ((item.Behaviour & Epoll.EPOLLEXCLUSIVE) == 0)
        {
            return true;
        }

        // As ep_poll_callback: an exclusive item consumes only the kind of event it asked for, and hang-ups.
        uint kind = events & InOut;
        bool isWanted = kind == 0 || (kind & item.Events) != 0;
        return woken && isWanted;
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        List<EpollItem> items;
        using (_lock.Enter())
        {
            items = new List<EpollItem>(_items.Values);
        }

        foreach (EpollItem item in items)
        {
            RemoveItem(item, item.File);
        }
    }

    private static uint ReadyEventsLocked(Task task, EpollItem item) =>
        item.IsDisabled || item.IsRemoved ? 0 : item.File.Poll(task) & item.Events;

    private void AfterDeliveryLocked(EpollItem item)
    {
        if ((item.Behaviour & Epoll.EPOLLONESHOT) != 0)
        {
            item.IsDisabled = true;
        }
        else if ((item.Behaviour & Epoll.EPOLLET) == 0)
        {
            PushReady(item);
        }
    }

    private int ReadyCount()
    {
        using (_readyLock.Enter())
        {
            return _readyCount;
        }
    }

    private void PushReady(EpollItem item)
    {
        using (_readyLock.Enter())
        {
            if (item.IsReady || item.IsRemoved)
            {
                return;
            }

            item.IsReady = true;
            item.NextReady = null;
            item.PreviousReady = _readyTail;
            if (_readyTail is null)
            {
                _readyHead = item;
            }
            else
            {
                _readyTail.NextReady = item;
            }

            _readyTail = item;
            _readyCount++;
        }
    }

    private EpollItem? PopReady()
    {
        using (_readyLock.Enter())
        {
            EpollItem? item = _readyHead;
            if (item is null)
            {
                return null;
            }

            UnlinkReadyLocked(item);
            return item;
        }
    }

    private void UnlinkReady(EpollItem item)
    {
        using (_readyLock.Enter())
        {
            if (item.IsReady)
            {
                UnlinkReadyLocked(item);
            }
        }
    }

    private void UnlinkReadyLocked(EpollItem item)
    {
        if (item.PreviousReady is null)
        {
            _readyHead = item.NextReady;
        }
        else
        {
            item.PreviousReady.NextReady = item.NextReady;
        }

        if (item.NextReady is null)
        {
            _readyTail = item.PreviousReady;
        }
        else
        {
            item.NextReady.PreviousReady = item.PreviousReady;
        }

        _readyCount--;
        item.IsReady = false;
        item.NextReady = null;
        item.PreviousReady = null;
    }
}
