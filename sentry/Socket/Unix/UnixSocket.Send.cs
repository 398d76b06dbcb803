using System;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Socket.Unix;

// Sending.
public sealed partial class UnixSocket
{
    private const int PacketReserveBytes = 32;

    private readonly PeerRelay _relay;

    /// <inheritdoc/>
    public override Errno Send(Task task, ref IoSequence data, ref SendRequest request, out long done)
    {
        done = 0;
        if ((request.Flags & Sockets.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (IsStream)
        {
            return SendStream(task, ref data, ref request, out done);
        }

        if (!IsDatagram)
        {
            Errno error = TakeError();
            if (error != Errno.None || _state != UnixState.Connected)
            {
                return error != Errno.None ? error : Errno.ENOTCONN;
            }

            request.Address = default;
        }

        return SendPacket(task, ref data, ref request, out done);
    }

    private Errno SendStream(Task task, ref IoSequence data, ref SendRequest request, out long done)
    {
        done = 0;
        if (!request.Address.IsEmpty)
        {
            return _state == UnixState.Connected ? Errno.EISCONN : Errno.EOPNOTSUPP;
        }

        UnixSocket? peer = _peer;
        if (peer is null || _state != UnixState.Connected)
        {
            return Errno.ENOTCONN;
        }

        // A peer that closed without having read everything leaves an error too; that is for who reads, or for who
        // sleeps in the middle of sending (unix_stream_sendmsg, sock_alloc_send_pskb).
        bool isFirst = !request.HasBegun;
        request.HasBegun = true;
        Errno error = isFirst && (_shutdown & SendShutdown) != 0 ? Errno.EPIPE : Errno.None;
        while (data.Remaining > 0 && error == Errno.None)
        {
            error = SendPiece(task, peer, ref data, ref request, ref done);
        }

        request.HasSent |= done > 0;
        if (error == Errno.EPIPE && !request.HasSent && (request.Flags & Sockets.MSG_NOSIGNAL) == 0)
        {
            task.RaiseSignal(Signals.SIGPIPE);
        }

        return error;
    }

    private Errno SendPiece(Task task, UnixSocket peer, ref IoSequence data, ref SendRequest request, ref long done)
    {
        Errno error = MaySend();
        if (error != Errno.None)
        {
            return error;
        }

        int wanted = (int)Math.Min(data.Remaining, UnixMessage.MaxPieceBytes);
        error = Fill(task, peer, ref data, wanted, ref request, out UnixMessage? message);
        if (message is null)
        {
            return error;
        }

        int length = message.Length;
        error = peer.Enqueue(message, null);
        if (error != Errno.None)
        {
            Abandon(message);
            return error;
        }

        request.Rights = null;
        done += length;
        return Errno.None;
    }

    private Errno MaySend()
    {
        Errno error = TakeError();
        if (error != Errno.None)
        {
            return error;
        }

        if ((_shutdown & SendShutdown) != 0)
        {
            return Errno.EPIPE;
        }

        return Volatile.Read(ref _charged) < Options.SendBufferBytes ? Errno.None : Errno.EAGAIN;
    }

    private Errno SendPacket(Task task, ref IoSequence data, ref SendRequest request, out long done)
    {
        done = 0;
        UnixSocket? target = _peer;
        Errno error = Errno.None;
        if (!request.Address.IsEmpty)
        {
            error = ParseName(request.Address, out UnixName? name);
            error = error == Errno.None ? Find(task, name!, out target) : error;
        }
        else if (target is null)
        {
            error = Errno.ENOTCONN;
        }

        if (error == Errno.None && data.Remaining > Options.SendBufferBytes - PacketReserveBytes)
        {
            error = Errno.EMSGSIZE;
        }

        if (error == Errno.None && Options.PassesCredentials && Name is null)
        {
            error = Autobind();
        }

        error = error == Errno.None ? MaySend() : error;
        return error == Errno.None ? DeliverPacket(task, target!, ref data, ref request, out done) : error;
    }

    private Errno DeliverPacket(
        Task task, UnixSocket target, ref IoSequence data, ref SendRequest request, out long done)
    {
        done = 0;
        IoSequence start = data;
        Errno error = Fill(task, target, ref data, (int)data.Remaining, ref request, out UnixMessage? message);
        if (message is null)
        {
            return error;
        }

        int length = message.Length;
        error = target.Enqueue(message, this);
        if (error == Errno.None)
        {
            request.Rights = null;
            done = length;
            return Errno.None;
        }

        Abandon(message);
        data = start;
        if (error == Errno.EAGAIN)
        {
            WaitForRoom(target, ref request);
        }

        if (error == Errno.ECONNREFUSED && IsDatagram && _peer == target)
        {
            SetDatagramPeer(null);
        }

        return error;
    }

    // The rights stay with the request: the caller drops them.
    private static void Abandon(UnixMessage message)
    {
        message.Rights = null;
        Consumed(message);
    }

    /// <summary>Copies bytes from the guest into a message that is charged to this socket; null on a fault.</summary>
    private Errno Fill(
        Task task,
        UnixSocket target,
        ref IoSequence data,
        int wanted,
        ref SendRequest request,
        out UnixMessage? message)
    {
        message = UnixMessage.Rent(wanted);
        Errno error = data.CopyIn(message.Buffer[..wanted], out int copied);
        message.Sender = this;
        message.Length = copied;
        Interlocked.Add(ref _charged, message.ChargeBytes);
        if (error != Errno.None)
        {
            Consumed(message);
            message = null;
            return error;
        }

        message.SenderName = Name;
        message.Rights = request.Rights;
        message.Credentials = request.Credentials;
        bool isAskedFor = Options.PassesCredentials || target.Options.PassesCredentials || target._isEmbryo;
        if (message.Credentials is null && isAskedFor)
        {
            message.Credentials = MessageCredentials.RealOf(task);
        }

        return error;
    }

    /// <summary>
    /// Queues a message here. EPIPE when the reader is gone, ECONNREFUSED when a datagram's target is, EPERM when it
    /// listens to another peer, EAGAIN when it has
    /// too many datagrams waiting. <paramref name="packetSender"/> is null for streams.
    /// </summary>
    private Errno Enqueue(UnixMessage message, UnixSocket? packetSender)
    {
        Errno error;
        if (message.Rights is not null)
        {
            using (UnixCollector.Enter())
            {
                error = EnqueueUnderLock(message, packetSender);
                if (error == Errno.None)
                {
                    UnixCollector.AddInFlightLocked(message.Rights, this, _isEmbryo);
                }
            }
        }
        else
        {
            error = EnqueueUnderLock(message, packetSender);
        }

        if (error == Errno.None)
        {
            Queue.Notify(ReadEvents);
        }

        return error;
    }

    private Errno EnqueueUnderLock(UnixMessage message, UnixSocket? packetSender)
    {
        using (_lock.Enter())
        {
            Errno error = CheckDeliveryLocked(packetSender);
            if (error == Errno.None)
            {
                _queue.Push(message);
            }

            return error;
        }
    }

    private Errno CheckDeliveryLocked(UnixSocket? sender)
    {
        if (_state == UnixState.Closed)
        {
            return sender is not null && IsDatagram ? Errno.ECONNREFUSED : Errno.EPIPE;
        }

        if (sender is not null && IsDatagram && _peer is { } peer && peer != sender)
        {
            return Errno.EPERM;
        }

        if ((_shutdown & ReceiveShutdown) != 0)
        {
            return Errno.EPIPE;
        }

        bool isLimited = sender is not null && sender != this && _peer != sender;
        return isLimited && _queue.Count > _backlog ? Errno.EAGAIN : Errno.None;
    }

    /// <summary>
    /// True when the datagram peer has no room for us (unix_dgram_poll); we then hear of room through the relay.
    /// </summary>
    private bool IsPeerFull()
    {
        UnixSocket? peer = _peer;
        if (IsStream || peer is null || peer._peer == this || !peer.HasFullQueue())
        {
            return false;
        }

        _relay.Watch(peer.RoomQueue);
        return peer.HasFullQueue();
    }

    private bool HasFullQueue()
    {
        using (_lock.Enter())
        {
            return _queue.Count > _backlog && _state != UnixState.Closed;
        }
    }

    private void WaitForRoom(UnixSocket target, ref SendRequest request)
    {
        if (target == _peer)
        {
            IsPeerFull();
        }
        else
        {
            request.BlockOn = target.RoomQueue;
        }
    }

    private void DropRelay() => _relay.Stop();

    /// <summary>Passes "room" of the peer's queue on to those who wait for this socket to become writable.</summary>
    private sealed class PeerRelay(UnixSocket owner) : WaitEntry
    {
        private readonly Sync.OrderedLock<Sync.RelayLevel> _lock = new();

        // Guarded by _lock.
        private WaitQueue? _watched;

        public void Watch(WaitQueue queue)
        {
            using (_lock.Enter())
            {
                if (_watched == queue)
                {
                    return;
                }

                _watched?.Remove(this);
                _watched = queue;
                queue.Add(this);
            }
        }

        public void Stop()
        {
            using (_lock.Enter())
            {
                _watched?.Remove(this);
                _watched = null;
            }
        }

        public override bool OnNotify(uint events)
        {
            owner.Queue.NotifyNested(WriteEvents);
            return false;
        }
    }
}
