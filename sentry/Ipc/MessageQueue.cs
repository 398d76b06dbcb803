using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Ipc;

/// <summary>A message of a System V queue.</summary>
internal sealed record QueuedMessage(long Type, byte[] Text);

/// <summary>A System V message queue (msgget(2), ipc/msg.c). Guarded by the namespace's lock.</summary>
public sealed class MessageQueue : IpcObject
{
    private const int MessageBytes = 128;

    private readonly LinkedList<QueuedMessage> _messages = new();
    private readonly HeapCharge _charge = new();

    /// <summary>An empty queue.</summary>
    internal MessageQueue(Task creator, int key, uint mode)
        : base(creator, key, mode)
    {
    }

    /// <summary>Notified with EPOLLIN when a message came, with EPOLLOUT when room did, with both at removal.</summary>
    internal WaitQueue Waiters { get; } = new();

    /// <summary>Bytes it may hold.</summary>
    internal ulong MaxBytes { get; set; } = Msg.MSGMNB;

    /// <summary>Bytes it holds.</summary>
    internal ulong Bytes { get; private set; }

    /// <summary>Messages it holds.</summary>
    internal int Count => _messages.Count;

    internal long SendTimeNs { get; private set; }

    internal long ReceiveTimeNs { get; private set; }

    internal Pid? LastSender { get; private set; }

    internal Pid? LastReceiver { get; private set; }

    /// <summary>Appends; EAGAIN when it is full.</summary>
    internal Errno Send(Task task, QueuedMessage message)
    {
        bool fits = Bytes + (ulong)message.Text.Length <= MaxBytes && (ulong)Count + 1 <= MaxBytes;
        if (!fits)
        {
            return Errno.EAGAIN;
        }

        if (!_charge.TryAdd(HeapBytes(message)))
        {
            return Errno.ENOMEM;
        }

        _messages.AddLast(message);
        Bytes += (ulong)message.Text.Length;
        LastSender = task.ThreadGroup.Identity;
        SendTimeNs = VirtualFileSystem.NowNs;
        return Errno.None;
    }

    /// <summary>
    /// Takes the first message that fits <paramref name="type"/> and the flags (msgrcv(2)): ENOMSG when there is
    /// none, E2BIG when it is longer than
    /// <paramref name="room"/> without MSG_NOERROR. With MSG_COPY the message stays, and the type is its index.
    /// </summary>
    internal Errno Receive(Task task, long type, ulong room, int flags, out QueuedMessage? message)
    {
        bool isCopy = (flags & Msg.MSG_COPY) != 0;
        LinkedListNode<QueuedMessage>? node = isCopy ? At(type) : Find(type, (flags & Msg.MSG_EXCEPT) != 0);
        message = node?.Value;
        if (node is null)
        {
            return Errno.ENOMSG;
        }

        if ((ulong)message!.Text.Length > room && (flags & Msg.MSG_NOERROR) == 0)
        {
            return Errno.E2BIG;
        }

        if (isCopy)
        {
            return Errno.None;
        }

        _messages.Remove(node);
        _charge.Remove(HeapBytes(message));
        Bytes -= (ulong)message.Text.Length;
        LastReceiver = task.ThreadGroup.Identity;
        ReceiveTimeNs = VirtualFileSystem.NowNs;
        return Errno.None;
    }

    /// <summary>Drops all messages: the queue was removed.</summary>
    internal void Discard()
    {
        _messages.Clear();
        _charge.Clear();
    }

    private static long HeapBytes(QueuedMessage message) => MessageBytes + message.Text.Length;

    private LinkedListNode<QueuedMessage>? At(long index)
    {
        LinkedListNode<QueuedMessage>? node = _messages.First;
        while (node is not null && index > 0)
        {
            node = node.Next;
            index--;
        }

        return index < 0 ? null : node;
    }

    private LinkedListNode<QueuedMessage>? Find(long type, bool isExcept)
    {
        // A negative type takes the lowest type up to its magnitude, the oldest first among equals.
        ulong limit = type == long.MinValue ? long.MaxValue : (ulong)Math.Abs(type);
        LinkedListNode<QueuedMessage>? best = null;
        for (LinkedListNode<QueuedMessage>? node = _messages.First; node is not null; node = node.Next)
        {
            long own = node.Value.Type;
            if (type == 0 || (type > 0 && own == type != isExcept))
            {
                return node;
            }

            if (type < 0 && (ulong)own <= limit && (best is null || own < best.Value.Type))
            {
                best = node;
            }
        }

        return best;
    }
}
