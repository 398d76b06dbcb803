using System;
using System.Text;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Socket.Unix;

// Names, connections, and the queue of a listener.
public sealed partial class UnixSocket
{
    private const int BindNone = 0;
    private const int BindDone = 1;

    private readonly UnixNameSpace _names;

    // BindDone from the moment a bind begins; changed with Interlocked.
    private int _bindState;

    /// <summary>socketpair(2): two sockets connected to each other.</summary>
    public static (UnixSocket First, UnixSocket Second) CreatePair(Task task, UnixNameSpace names, int type)
    {
        UnixSocket first = new(task.Kernel, task.Credentials, names, type);
        UnixSocket second = new(task.Kernel, task.Credentials, names, type);
        MessageCredentials credentials = MessageCredentials.Of(task);
        first._peer = second;
        second._peer = first;
        first._peerCredentials = second._peerCredentials = credentials;
        first._state = second._state = UnixState.Connected;
        return (first, second);
    }

    /// <inheritdoc/>
    public override Errno Bind(Task task, ReadOnlySpan<byte> address)
    {
        if (address.Length == sizeof(ushort) && IsFamily(address))
        {
            return Autobind();
        }

        Errno error = ParseName(address, out UnixName? name);
        if (error != Errno.None)
        {
            return error;
        }

        if (Interlocked.CompareExchange(ref _bindState, BindDone, BindNone) != BindNone)
        {
            // A name in the file system is made before anybody looks whether the socket has one (unix_bind_bsd).
            bool isTaken = name!.Kind != UnixNameKind.Abstract && UnixPaths.Exists(task, PathOf(name));
            return isTaken ? Errno.EADDRINUSE : Errno.EINVAL;
        }

        error = name!.Kind == UnixNameKind.Abstract
            ? _names.Bind(name, this)
            : UnixPaths.Bind(task, PathOf(name), this, out _binding);
        if (error == Errno.None)
        {
            Volatile.Write(ref _name, name);
        }
        else
        {
            Volatile.Write(ref _bindState, BindNone);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno Listen(Task task, int backlog)
    {
        if (IsDatagram)
        {
            return Errno.EOPNOTSUPP;
        }

        if (Name is null)
        {
            return Errno.EINVAL;
        }

        using (_lock.Enter())
        {
            if (_state is not (UnixState.Unconnected or UnixState.Listening))
            {
                return Errno.EINVAL;
            }

            _backlog = (uint)backlog > Sockets.SOMAXCONN ? Sockets.SOMAXCONN : backlog;
            _state = UnixState.Listening;
            _listenerCredentials = MessageCredentials.Of(task);
        }

        RoomQueue.Notify(WriteEvents);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Connect(Task task, ReadOnlySpan<byte> address, out WaitQueue? blockOn)
    {
        blockOn = null;
        if (IsDatagram && address.Length >= sizeof(ushort) && address[0] == 0 && address[1] == 0)
        {
            SetDatagramPeer(null);
            return Errno.None;
        }

        Errno error = ParseName(address, out UnixName? name);
        if (error == Errno.None && Options.PassesCredentials && Name is null)
        {
            error = Autobind();
        }

        UnixSocket? target = null;
        if (error == Errno.None)
        {
            error = Find(task, name!, out target);
        }

        if (error != Errno.None)
        {
            return error;
        }

        if (IsDatagram)
        {
            return target!.MayReceiveFrom(this) ? SetDatagramPeer(target) : Errno.EPERM;
        }

        return ConnectStream(task, target!, out blockOn);
    }

    /// <inheritdoc/>
    public override Errno Accept(Task task, out SocketFile? accepted)
    {
        accepted = null;
        if (IsDatagram)
        {
            return Errno.EOPNOTSUPP;
        }

        using (_lock.Enter())
        {
            if (_state != UnixState.Listening)
            {
                return Errno.EINVAL;
            }

            UnixSocket? first = _acceptHead;
            if (first is null)
            {
                return (_shutdown & ReceiveShutdown) != 0 ? Errno.EINVAL : Errno.EAGAIN;
            }

            _acceptHead = first._nextToAccept;
            _acceptTail = _acceptHead is null ? null : _acceptTail;
            first._nextToAccept = null;
            first._isEmbryo = false;
            _acceptCount--;
            accepted = first;
        }

        RoomQueue.Notify(WriteEvents);
        return Errno.None;
    }

    /// <summary>A name from sockaddr bytes: EINVAL for another family, an empty or overlong path.</summary>
    internal static Errno ParseName(ReadOnlySpan<byte> address, out UnixName? name)
    {
        name = null;
        bool isSized = address.Length is > sizeof(ushort) and <= sizeof(ushort) + Un.UNIX_PATH_MAX;
        if (!isSized || !IsFamily(address))
        {
            return Errno.EINVAL;
        }

        ReadOnlySpan<byte> path = address[sizeof(ushort)..];
        if (path[0] == 0)
        {
            name = new UnixName(path.ToArray(), UnixNameKind.Abstract);
            return Errno.None;
        }

        int end = path.IndexOf((byte)0);
        byte[] bytes = new byte[(end < 0 ? path.Length : end) + 1];
        path[..(bytes.Length - 1)].CopyTo(bytes);
        name = new UnixName(bytes, UnixNameKind.Path);
        return Errno.None;
    }

    private static bool IsFamily(ReadOnlySpan<byte> address) => address[0] == Sockets.AF_UNIX && address[1] == 0;

    private static string PathOf(UnixName name) => Encoding.Latin1.GetString(name.Bytes[..^1]);

    private Errno Autobind()
    {
        if (Interlocked.CompareExchange(ref _bindState, BindDone, BindNone) != BindNone)
        {
            return Errno.None;
        }

        Errno error = _names.Autobind(this, out UnixName? name);
        Volatile.Write(ref _name, name);
        Volatile.Write(ref _bindState, name is null ? BindNone : BindDone);
        return error;
    }

    /// <summary>The socket a name stands for: ECONNREFUSED, EPROTOTYPE, or what the path walk says.</summary>
    private Errno Find(Task task, UnixName name, out UnixSocket? target)
    {
        if (name.Kind == UnixNameKind.Abstract)
        {
            target = _names.Find(name, Type);
            return target is null ? Errno.ECONNREFUSED : Errno.None;
        }

        Errno error = UnixPaths.Find(task, PathOf(name), out target);
        if (error == Errno.None && target!.Type != Type)
        {
            error = Errno.EPROTOTYPE;
        }

        return error;
    }

    private Errno ConnectStream(Task task, UnixSocket listener, out WaitQueue? blockOn)
    {
        blockOn = null;
        UnixSocket accepted = new(Kernel, task.Credentials, _names, Type);
        Errno error;
        using (PairLock pair = new(this, listener))
        {
            error = CheckConnectLocked(listener);
            if (error == Errno.None)
            {
                JoinLocked(task, listener, accepted);
            }
        }

        if (error == Errno.EAGAIN)
        {
            blockOn = listener.RoomQueue;
        }

        if (error != Errno.None)
        {
            accepted.DropReference(null);
            return error;
        }

        listener.Queue.Notify(ReadEvents);
        Queue.Notify(WriteEvents);
        return Errno.None;
    }

    private Errno CheckConnectLocked(UnixSocket listener)
    {
        if (listener._state == UnixState.Closed)
        {
            return Errno.ECONNREFUSED;
        }

        if (listener._state != UnixState.Listening || (listener._shutdown & ReceiveShutdown) != 0)
        {
            return Errno.ECONNREFUSED;
        }

        if (listener._acceptCount > listener._backlog)
        {
            return Errno.EAGAIN;
        }

        return OwnState();
    }

    private Errno OwnState() => _state switch
    {
        UnixState.Unconnected => Errno.None,
        UnixState.Connected => Errno.EISCONN,
        _ => Errno.EINVAL,
    };

    private void JoinLocked(Task task, UnixSocket listener, UnixSocket accepted)
    {
        accepted._peer = this;
        accepted._state = UnixState.Connected;
        accepted._peerCredentials = MessageCredentials.Of(task);
        accepted._name = listener._name;
        accepted._isEmbryo = true;
        accepted.Options.InheritFrom(listener.Options);
        _peer = accepted;
        _peerCredentials = listener._listenerCredentials;
        _state = UnixState.Connected;
        if (listener._acceptTail is null)
        {
            listener._acceptHead = accepted;
        }
        else
        {
            listener._acceptTail._nextToAccept = accepted;
        }

        listener._acceptTail = accepted;
        listener._acceptCount++;
    }

    private bool MayReceiveFrom(UnixSocket sender) => _peer is not { } peer || peer == sender;

    private Errno SetDatagramPeer(UnixSocket? peer)
    {
        UnixSocket? old;
        using (_lock.Enter())
        {
            old = _peer;
            _peer = peer;
            _state = peer is null ? UnixState.Unconnected : UnixState.Connected;
        }

        DropRelay();
        if (old is not null && old != peer)
        {
            DisconnectedFrom(old);
        }

        return Errno.None;
    }

    // unix_dgram_disconnected: what waited from the old peer is dropped, and a partner that is still connected to us
    // hears of it.
    private void DisconnectedFrom(UnixSocket old)
    {
        UnixMessageQueue unread;
        bool hadUnread;
        using (_readLock.Enter())
        {
            using (_lock.Enter())
            {
                unread = _queue;
                _queue = default;
            }

            hadUnread = unread.Count > 0;
        }

        Discard(ref unread);
        RoomQueue.Notify(WriteEvents);
        if (hadUnread && old._peer == this)
        {
            Volatile.Write(ref old._error, (int)Errno.ECONNRESET);
            old.Queue.Notify(Epoll.EPOLLERR);
        }
    }

    private void ReleaseBinding()
    {
        UnixName? name = Name;
        if (name?.Kind == UnixNameKind.Abstract)
        {
            _names.Unbind(name, this);
        }

        _binding?.Release(this);
        _names.Unregister(this);
    }

    /// <summary>Both sockets' locks, taken in the order of creation.</summary>
    private readonly ref struct PairLock
    {
        private readonly OrderedLock<SocketLevel>.Scope _first;
        private readonly OrderedLock<SocketLevel>.Scope _second;
        private readonly bool _hasSecond;

        public PairLock(UnixSocket one, UnixSocket other)
        {
            bool isOrdered = one._order <= other._order;
            _first = (isOrdered ? one : other)._lock.Enter();
            _hasSecond = one != other;
            if (_hasSecond)
            {
                _second = (isOrdered ? other : one)._lock.EnterNested();
            }
        }

        public void Dispose()
        {
            if (_hasSecond)
            {
                _second.Dispose();
            }

            _first.Dispose();
        }
    }
}
