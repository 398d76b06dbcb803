using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Ipc.PosixQueues;

/// <summary>Who is told when a message comes into an empty queue (mq_notify(3)).</summary>
internal sealed record QueueNotification(ThreadGroup Process, SigEvent Event, UserNamespace Users);

/// <summary>
/// The messages of a POSIX queue (mq_overview(7), ipc/mqueue.c), highest priority first, oldest first among equals.
/// </summary>
public sealed class PosixQueue
{
    private const int MessageOverheadBytes = 64;

    private readonly OrderedLock<IpcLevel> _lock = new();
    private readonly HeapCharge _charge = new();

    // Guarded by _lock, as all below. Keys are minus the priority, so that the first is the highest.
    private readonly SortedDictionary<long, Queue<byte[]>> _messages = new();
    private QueueNotification? _notification;
    private int _receivers;

    /// <summary>An empty queue.</summary>
    public PosixQueue(long maxMessages, long messageBytes)
    {
        MaxMessages = maxMessages;
        MessageBytes = messageBytes;
    }

    /// <summary>mq_maxmsg.</summary>
    public long MaxMessages { get; }

    /// <summary>mq_msgsize.</summary>
    public long MessageBytes { get; }

    /// <summary>mq_curmsgs.</summary>
    public long Count { get; private set; }

    /// <summary>Bytes of all messages.</summary>
    public long Bytes { get; private set; }

    /// <summary>Notified when messages or room come.</summary>
    internal WaitQueue Waiters { get; } = new();

    /// <summary>Events that hold now.</summary>
    internal uint Poll()
    {
        using (_lock.Enter())
        {
            uint events = Count > 0 ? Epoll.EPOLLIN | Epoll.EPOLLRDNORM : 0;
            return events | (Count < MaxMessages ? Epoll.EPOLLOUT | Epoll.EPOLLWRNORM : 0);
        }
    }

    /// <summary>Puts a message in; EAGAIN when the queue is full.</summary>
    internal Errno Send(Task sender, byte[] message, uint priority)
    {
        QueueNotification? notified = null;
        using (_lock.Enter())
        {
            if (Count >= MaxMessages)
            {
                return Errno.EAGAIN;
            }

            if (!_charge.TryAdd(HeapBytes(message)))
            {
                return Errno.ENOMEM;
            }

            if (!_messages.TryGetValue(-(long)priority, out Queue<byte[]>? level))
            {
                level = new Queue<byte[]>();
                _messages.Add(-(long)priority, level);
            }

            level.Enqueue(message);
            Bytes += message.Length;
            Count++;
            if (Count == 1 && _receivers == 0)
            {
                notified = _notification;
                _notification = null;
            }
        }

        Waiters.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
        Tell(sender, notified);
        return Errno.None;
    }

    /// <summary>Takes the first message; EAGAIN when there is none.</summary>
    internal Errno Receive(out byte[] message, out uint priority)
    {
        message = [];
        priority = 0;
        using (_lock.Enter())
        {
            if (Count == 0)
            {
                return Errno.EAGAIN;
            }

            SortedDictionary<long, Queue<byte[]>>.Enumerator levels = _messages.GetEnumerator();
            levels.MoveNext();
            (long key, Queue<byte[]> level) = levels.Current;
            message = level.Dequeue();
            priority = (uint)-key;
            if (level.Count == 0)
            {
                _messages.Remove(key);
            }

            Bytes -= message.Length;
            Count--;
            _charge.Remove(HeapBytes(message));
        }

        Waiters.Notify(Epoll.EPOLLOUT | Epoll.EPOLLWRNORM);
        return Errno.None;
    }

    /// <summary>A receiver sleeps, or wakes: a message that a sleeper takes notifies nobody.</summary>
    internal void CountReceiver(int change)
    {
        using (_lock.Enter())
        {
            _receivers += change;
        }
    }

    /// <summary>mq_notify(3): EBUSY when somebody is registered.</summary>
    internal Errno Register(Task task, in SigEvent wanted)
    {
        using (_lock.Enter())
        {
            if (_notification is not null)
            {
                return Errno.EBUSY;
            }

            _notification = new QueueNotification(task.ThreadGroup, wanted, task.Credentials.UserNamespace);
            return Errno.None;
        }
    }

    /// <summary>mq_notify(3) with null, or the process closes a descriptor of the queue.</summary>
    internal void Unregister(ThreadGroup process)
    {
        using (_lock.Enter())
        {
            if (_notification?.Process == process)
            {
                _notification = null;
            }
        }
    }

    /// <summary>Text that reading the descriptor gives.</summary>
    internal string Describe(PidNamespace viewer)
    {
        using (_lock.Enter())
        {
            int pid = _notification?.Process.Identity.NumberIn(viewer) ?? 0;
            int notify = _notification?.Event.sigev_notify ?? 0;
            int signal = notify == SigCode.SIGEV_SIGNAL ? _notification?.Event.sigev_signo ?? 0 : 0;
            return $"QSIZE:{Bytes,-10} NOTIFY:{notify,-5} SIGNO:{signal,-5} NOTIFY_PID:{pid,-6}\n";
        }
    }

    /// <summary>Name and descriptors are gone.</summary>
    internal void Discard() => _charge.Clear();

    private static long HeapBytes(byte[] message) => MessageOverheadBytes + message.Length;

    private static void Tell(Task sender, QueueNotification? notified)
    {
        if (notified is null || notified.Event.sigev_notify != SigCode.SIGEV_SIGNAL)
        {
            return;
        }

        ThreadGroup receiver = notified.Process;
        SigInfo info = SigInfos.FromSender(notified.Event.sigev_signo, SigCode.SI_MESGQ, sender, receiver);
        info.si_value = notified.Event.sigev_value;
        receiver.SendSignal(info);
    }
}
