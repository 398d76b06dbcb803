using System;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Socket.Unix;

/// <summary>
/// A socket of AF_UNIX (unix(7), net/unix/af_unix.c): stream, datagram or sequenced packets. A message is copied once
/// into a pooled buffer that is queued at
/// the receiver, and once out of it; the sender is charged for it until it is read.
/// </summary>
public sealed partial class UnixSocket : SocketFile
{
    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM;
    private const uint WriteEvents = Epoll.EPOLLOUT | Epoll.EPOLLWRNORM | Epoll.EPOLLWRBAND;
    private const uint HangUpEvents = ReadEvents | WriteEvents | Epoll.EPOLLRDHUP | Epoll.EPOLLHUP | Epoll.EPOLLERR;
    private const int ReceiveShutdown = 1;
    private const int SendShutdown = 2;
    private const int FullShutdown = ReceiveShutdown | SendShutdown;

    private static long s_created;

    private readonly long _order = Interlocked.Increment(ref s_created);

    // One reader at a time; held across the copy to the guest.
    private readonly OrderedLock<SocketReadLevel> _readLock = new();

    // Two sockets are locked in the order of their creation.
    private readonly OrderedLock<SocketLevel> _lock = new();

    // Guarded by _lock; peer, shutdown and state also read without.
    private volatile UnixSocket? _peer;
    private volatile UnixState _state;
    private volatile int _shutdown;
    private UnixMessageQueue _queue;
    private UnixName? _name;
    private UnixSocket? _acceptHead;
    private UnixSocket? _acceptTail;
    private UnixSocket? _nextToAccept;
    private int _acceptCount;
    private bool _isEmbryo;
    private int _backlog;
    private MessageCredentials? _peerCredentials;
    private MessageCredentials _listenerCredentials = MessageCredentials.None;
    private UnixBinding? _binding;

    // An Errno; taken with Interlocked.
    private int _error;

    // Bytes charged for messages under way; changed with Interlocked.
    private int _charged;

    /// <summary>
    /// A fresh socket of SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET in the network namespace of its maker.
    /// </summary>
    public UnixSocket(GuestKernel kernel, Credentials owner, UnixNameSpace names, int type)
        : base(kernel, owner, Sockets.AF_UNIX, type, 0)
    {
        _names = names;
        _backlog = names.MaxDatagramQueue;
        _relay = new PeerRelay(this);
        names.Register(this);
    }

    /// <summary>State of a socket; a datagram socket is connected when it has a peer.</summary>
    internal enum UnixState
    {
        Unconnected,
        Listening,
        Connected,
        Closed,
    }

    /// <inheritdoc/>
    public override bool IsListening => _state == UnixState.Listening;

    /// <summary>Senders that found this socket's queue full wait here.</summary>
    internal WaitQueue RoomQueue { get; } = new();

    /// <summary>State for /proc/net/unix.</summary>
    internal UnixState State => _state;

    /// <summary>Bound name for /proc/net/unix, or null.</summary>
    internal UnixName? Name => Volatile.Read(ref _name);

    private bool IsDatagram => Type == Sockets.SOCK_DGRAM;

    private bool IsStream => Type == Sockets.SOCK_STREAM;

    // unix_writable: a quarter of the buffer decides, so that writers are not woken for every message read.
    private bool HasRoomToSend =>
        _state != UnixState.Listening && (long)Volatile.Read(ref _charged) << 2 <= Options.SendBufferBytes;

    /// <inheritdoc/>
    public override Errno TakeError() => (Errno)Interlocked.Exchange(ref _error, 0);

    /// <inheritdoc/>
    public override uint Poll(Task task)
    {
        uint events = Volatile.Read(ref _error) != 0 ? Epoll.EPOLLERR : 0;
        int shutdown = _shutdown;
        events |= shutdown == FullShutdown ? Epoll.EPOLLHUP : 0;
        events |= (shutdown & ReceiveShutdown) != 0 ? Epoll.EPOLLRDHUP | ReadEvents : 0;
        using (_lock.Enter())
        {
            events |= _queue.Count > 0 || _acceptCount > 0 ? ReadEvents : 0;
            events |= !IsDatagram && _state == UnixState.Unconnected ? Epoll.EPOLLHUP : 0;
        }

        if (HasRoomToSend && !IsPeerFull())
        {
            events |= WriteEvents;
        }

        return events;
    }

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        int value;
        switch (command)
        {
            case Ioctls.TIOCOUTQ:
                value = Volatile.Read(ref _charged);
                break;
            case Ioctls.FIONREAD:
                if (_state == UnixState.Listening)
                {
                    return Errno.EINVAL;
                }

                value = (int)Math.Min(int.MaxValue, UnreadBytes());
                break;
            default:
                return Errno.ENOTTY;
        }

        return task.Mm.Write(new GuestAddress(argument), value);
    }

    /// <inheritdoc/>
    public override Errno Shutdown(Task task, int how)
    {
        if (how is < Sockets.SHUT_RD or > Sockets.SHUT_RDWR)
        {
            return Errno.EINVAL;
        }

        int mask = how + 1;
        UnixSocket? peer;
        using (_lock.Enter())
        {
            _shutdown |= mask;
            peer = _peer;
        }

        if (peer is not null && !IsDatagram)
        {
            int mirrored = (mask & ReceiveShutdown) != 0 ? SendShutdown : 0;
            mirrored |= (mask & SendShutdown) != 0 ? ReceiveShutdown : 0;
            peer.PeerShutDown(mirrored);
        }

        Queue.Notify(HangUpEvents);
        RoomQueue.Notify(WriteEvents);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno GetName(Task task, Span<byte> address, out int lengthBytes)
    {
        lengthBytes = WriteName(Volatile.Read(ref _name), address);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno GetPeerName(Task task, Span<byte> address, out int lengthBytes)
    {
        UnixSocket? peer = _peer;
        lengthBytes = 0;
        if (peer is null)
        {
            return Errno.ENOTCONN;
        }

        lengthBytes = WriteName(peer.Name, address);
        return Errno.None;
    }

    /// <summary>sockaddr_un of a name; two bytes, the family, for none.</summary>
    internal static int WriteName(UnixName? name, Span<byte> address)
    {
        address[0] = Sockets.AF_UNIX;
        address[1] = 0;
        if (name is null)
        {
            return 2;
        }

        name.Bytes.CopyTo(address[2..]);
        return 2 + name.Bytes.Length;
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        UnixSocket? peer;
        UnixSocket? embryos;
        bool hadUnread;
        UnixMessageQueue unread;
        using (_lock.Enter())
        {
            _state = UnixState.Closed;
            _shutdown = FullShutdown;
            peer = _peer;
            _peer = null;
            embryos = _acceptHead;
            _acceptHead = _acceptTail = null;
            _acceptCount = 0;
            unread = _queue;
            _queue = default;
            hadUnread = unread.Count > 0 || _isEmbryo;
        }

        ReleaseBinding();
        if (peer is not null && !IsDatagram)
        {
            peer.PeerClosed(hadUnread ? Errno.ECONNRESET : Errno.None);
        }

        while (embryos is not null)
        {
            UnixSocket embryo = embryos;
            embryos = embryo._nextToAccept;
            embryo._nextToAccept = null;
            embryo.DropReference(null);
        }

        Discard(ref unread);
        DropRelay();
        RoomQueue.Notify(WriteEvents);
        UnixCollector.OnClose(Kernel);
    }

    private void PeerShutDown(int mask)
    {
        using (_lock.Enter())
        {
            _shutdown |= mask;
        }

        Queue.Notify(HangUpEvents);
    }

    private void PeerClosed(Errno error)
    {
        if (error != Errno.None)
        {
            Volatile.Write(ref _error, (int)error);
        }

        PeerShutDown(FullShutdown);
    }

    private void Discard(ref UnixMessageQueue messages)
    {
        while (messages.Pop() is { } message)
        {
            MessageRights? rights = UnixCollector.TakeRights(message);
            Consumed(message);
            rights?.Dispose();
        }
    }

    private long UnreadBytes()
    {
        using (_lock.Enter())
        {
            return IsDatagram ? _queue.Head?.Length ?? 0 : _queue.Bytes;
        }
    }

    /// <summary>A message is read or thrown away: its sender may send again.</summary>
    private static void Consumed(UnixMessage message)
    {
        UnixSocket? sender = message.Sender;
        int charge = message.ChargeBytes;
        message.Return();
        if (sender is null)
        {
            return;
        }

        Interlocked.Add(ref sender._charged, -charge);
        if (sender.HasRoomToSend)
        {
            sender.Queue.Notify(WriteEvents);
        }
    }
}
