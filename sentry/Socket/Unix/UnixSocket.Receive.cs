using System;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Socket.Unix;

// Receiving.
public sealed partial class UnixSocket
{
    /// <inheritdoc/>
    public override Errno Receive(Task task, ref IoSequence data, ref ReceiveRequest request, out long done)
    {
        done = 0;
        if ((request.Flags & Sockets.MSG_OOB) != 0)
        {
            return IsStream ? Errno.EINVAL : Errno.EOPNOTSUPP;
        }

        if (!IsDatagram && _state != UnixState.Connected)
        {
            return IsStream ? Errno.EINVAL : Errno.ENOTCONN;
        }

        using (_readLock.Enter())
        {
            return IsStream
                ? ReceiveStream(ref data, ref request, ref done)
                : ReceivePacket(ref data, ref request, ref done);
        }
    }

    private Errno ReceiveStream(ref IoSequence data, ref ReceiveRequest request, ref long done)
    {
        bool isPeek = (request.Flags & Sockets.MSG_PEEK) != 0;
        long skip = isPeek ? Math.Max(0, Options.PeekOffset) : 0;
        UnixMessage? message = Head();
        while (message is not null && skip >= message.Length)
        {
            skip -= message.Length;
            message = NextAfter(message);
        }

        if (message is null)
        {
            return data.Remaining == 0 && Head() is not null ? Errno.None : EmptyResult(request.Flags);
        }

        Errno error = Errno.None;
        bool isFirst = true;
        while (message is not null && data.Remaining > 0 && error == Errno.None)
        {
            if (!isFirst && Options.PassesCredentials && message.Credentials != request.Credentials)
            {
                break;
            }

            DescribeSender(message, ref request, isFirst);
            isFirst = false;
            bool hadRights = message.Rights is not null;
            error = CopyPiece(ref data, message, (int)skip, out int copied);
            done += copied;
            skip = 0;
            TakeRights(message, ref request, isPeek);
            UnixMessage? next = isPeek ? NextAfter(message) : AdvanceStream(message, copied);
            if (hadRights)
            {
                break;
            }

            message = next;
        }

        MovePeekOffset(isPeek, done);
        return done > 0 ? Errno.None : error;
    }

    private static Errno CopyPiece(ref IoSequence data, UnixMessage message, int skip, out int copied)
    {
        int wanted = (int)Math.Min(message.Length - skip, data.Remaining);
        return data.CopyOut(message.Data.Slice(skip, wanted), out copied);
    }

    private Errno ReceivePacket(ref IoSequence data, ref ReceiveRequest request, ref long done)
    {
        Errno pending = TakeError();
        if (pending != Errno.None)
        {
            return pending;
        }

        bool isPeek = (request.Flags & Sockets.MSG_PEEK) != 0;
        long skip = isPeek ? Math.Max(0, Options.PeekOffset) : 0;
        UnixMessage? message = Head();
        while (isPeek && message is not null && skip >= message.Length && message.Length > 0)
        {
            skip -= message.Length;
            message = NextAfter(message);
        }

        if (message is null)
        {
            return EmptyResult(request.Flags);
        }

        DescribeSender(message, ref request, isFirst: true);
        int length = message.Length - (int)skip;
        Errno error = CopyPiece(ref data, message, (int)skip, out int copied);
        if (copied < length)
        {
            request.MessageFlags |= Sockets.MSG_TRUNC;
        }

        TakeRights(message, ref request, isPeek);
        if (!isPeek)
        {
            Dequeue();
            Consumed(message);
            RoomQueue.Notify(WriteEvents);
        }

        MovePeekOffset(isPeek, length);
        done = (request.Flags & Sockets.MSG_TRUNC) != 0 ? length : copied;
        return error;
    }

    private Errno EmptyResult(int flags)
    {
        Errno error = TakeError();
        if (error != Errno.None)
        {
            return error;
        }

        return (_shutdown & ReceiveShutdown) != 0 && !IsDatagram ? Errno.None : EmptyDatagramResult(flags);
    }

    // A datagram socket that was shut down ends a blocking read with 0, a non-blocking one with EAGAIN
    // (__skb_wait_for_more_packets).
    private Errno EmptyDatagramResult(int flags)
    {
        bool isNonblocking = (Flags & Fcntl.O_NONBLOCK) != 0 || (flags & Sockets.MSG_DONTWAIT) != 0;
        return (_shutdown & ReceiveShutdown) != 0 && !isNonblocking ? Errno.None : Errno.EAGAIN;
    }

    private UnixMessage? Head()
    {
        using (_lock.Enter())
        {
            return _queue.Head;
        }
    }

    private UnixMessage? NextAfter(UnixMessage message)
    {
        using (_lock.Enter())
        {
            return message.Next;
        }
    }

    private void Dequeue()
    {
        using (_lock.Enter())
        {
            _queue.Pop();
        }
    }

    /// <summary>Takes bytes off the head; returns the message to go on with.</summary>
    private UnixMessage? AdvanceStream(UnixMessage message, int bytes)
    {
        UnixMessage? next;
        using (_lock.Enter())
        {
            _queue.Consume(bytes);
            if (message.Length > 0)
            {
                return message;
            }

            _queue.Pop();
            next = _queue.Head;
        }

        Consumed(message);
        return next;
    }

    private void DescribeSender(UnixMessage message, ref ReceiveRequest request, bool isFirst)
    {
        if (!isFirst)
        {
            return;
        }

        if (Options.PassesCredentials)
        {
            request.Credentials = message.Credentials ?? MessageCredentials.None;
        }

        if (request.Address.Length > 0 && message.SenderName is { } name)
        {
            request.AddressBytes = WriteName(name, request.Address);
        }
        else if (request.Address.Length > 0 && !IsStream)
        {
            request.AddressBytes = message.SenderName is null ? 0 : request.AddressBytes;
        }
    }

    private static void TakeRights(UnixMessage message, ref ReceiveRequest request, bool isPeek)
    {
        if (message.Rights is not null)
        {
            request.Rights = isPeek ? UnixCollector.CopyRights(message) : UnixCollector.TakeRights(message);
        }
    }

    private void MovePeekOffset(bool isPeek, long bytes)
    {
        int offset = Options.PeekOffset;
        if (offset >= 0 && bytes > 0)
        {
            Options.PeekOffset = isPeek ? offset + (int)bytes : (int)Math.Max(0, offset - bytes);
        }
    }
}
