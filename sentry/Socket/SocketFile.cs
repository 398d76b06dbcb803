using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Socket;

/// <summary>
/// An open socket of any family (socket(7)). Operations never block: they say EAGAIN, and the system-call layer waits
/// on the queue
/// (<see cref="SocketWait"/>). Addresses are the bytes of a sockaddr.
/// </summary>
public abstract class SocketFile : FileDescription
{
    private readonly AnonymousInode _inode;
    private readonly WaitQueue _queue = new();

    /// <summary>A socket with an inode of its own.</summary>
    protected SocketFile(GuestKernel kernel, Credentials owner, int family, int type, int protocol)
    {
        Kernel = kernel;
        Family = family;
        Type = type;
        Protocol = protocol;
        Flags = Fcntl.O_RDWR;
        PseudoSuperBlock sockets = kernel.PseudoFileSystems.Socket;
        _inode = new AnonymousInode(sockets, StatMode.S_IFSOCK | 0x1FF, owner.FsUid, owner.FsGid);
        Options = new SocketOptions();
    }

    /// <summary>AF_*.</summary>
    public int Family { get; }

    /// <summary>SOCK_*.</summary>
    public int Type { get; }

    /// <summary>Protocol of the family; 0 for AF_UNIX.</summary>
    public int Protocol { get; }

    /// <summary>SOL_SOCKET options that every family keeps.</summary>
    public SocketOptions Options { get; }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "socket:[" + _inode.Number.ToString() + "]";

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _queue;

    /// <inheritdoc/>
    public override long ReadTimeoutNs => Options.ReceiveTimeoutNs;

    /// <inheritdoc/>
    public override long WriteTimeoutNs => Options.SendTimeoutNs;

    /// <summary>Inode number, as in /proc/net/unix.</summary>
    public ulong InodeNumber => _inode.Number;

    /// <summary>The kernel it lives in.</summary>
    protected GuestKernel Kernel { get; }

    /// <summary>Notified when <see cref="FileDescription.Poll"/> may change.</summary>
    internal WaitQueue Queue => _queue;

    /// <summary>bind(2).</summary>
    public abstract Errno Bind(Task task, ReadOnlySpan<byte> address);

    /// <summary>listen(2).</summary>
    public virtual Errno Listen(Task task, int backlog) => Errno.EOPNOTSUPP;

    /// <summary>
    /// connect(2). EAGAIN: no room at the listener, <paramref name="blockOn"/> says where to wait for EPOLLOUT.
    /// </summary>
    public abstract Errno Connect(Task task, ReadOnlySpan<byte> address, out WaitQueue? blockOn);

    /// <summary>accept(2). EAGAIN when nobody connected.</summary>
    public virtual Errno Accept(Task task, out SocketFile? accepted)
    {
        accepted = null;
        return Errno.EOPNOTSUPP;
    }

    /// <summary>
    /// send(2), sendto(2), sendmsg(2). EAGAIN with <paramref name="done"/> counting what a stream took.
    /// </summary>
    public abstract Errno Send(Task task, ref IoSequence data, ref SendRequest request, out long done);

    /// <summary>recv(2), recvfrom(2), recvmsg(2). 0 with None at the end of a stream.</summary>
    public abstract Errno Receive(Task task, ref IoSequence data, ref ReceiveRequest request, out long done);

    /// <summary>shutdown(2): SHUT_RD, SHUT_WR, SHUT_RDWR.</summary>
    public abstract Errno Shutdown(Task task, int how);

    /// <summary>getsockname(2).</summary>
    public abstract Errno GetName(Task task, Span<byte> address, out int lengthBytes);

    /// <summary>getpeername(2). ENOTCONN.</summary>
    public abstract Errno GetPeerName(Task task, Span<byte> address, out int lengthBytes);

    /// <summary>setsockopt(2).</summary>
    public virtual Errno SetOption(Task task, int level, int name, ReadOnlySpan<byte> value) =>
        level == Sockets.SOL_SOCKET ? Options.Set(task, name, value) : Errno.ENOPROTOOPT;

    /// <summary>getsockopt(2).</summary>
    public virtual Errno GetOption(Task task, int level, int name, Span<byte> value, out int lengthBytes)
    {
        lengthBytes = 0;
        return level == Sockets.SOL_SOCKET ? Options.Get(this, name, value, out lengthBytes) : Errno.ENOPROTOOPT;
    }

    /// <summary>SO_ERROR: the pending error, cleared.</summary>
    public virtual Errno TakeError() => Errno.None;

    /// <summary>Bytes that recv(2) waits for: all with MSG_WAITALL, else SO_RCVLOWAT; packets come whole.</summary>
    public virtual long ReceiveTarget(int flags, long wantedBytes)
    {
        if (Type != Sockets.SOCK_STREAM || (flags & Sockets.MSG_PEEK) != 0)
        {
            return 1;
        }

        return (flags & Sockets.MSG_WAITALL) != 0 ? wantedBytes : Math.Min(Options.ReceiveLowWater, wantedBytes);
    }

    /// <summary>SO_ACCEPTCONN.</summary>
    public virtual bool IsListening => false;

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.ESPIPE;
    }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        if (destination.Remaining == 0)
        {
            return Errno.None;
        }

        ReceiveRequest request = default;
        Errno error = Receive(task, ref destination, ref request, out done);
        request.Rights?.Dispose();
        return error;
    }

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        SendRequest request = default;
        return Send(task, ref source, ref request, out done);
    }

    /// <inheritdoc/>
    public override Errno WriteOn(Task task, ref IoSequence source, long before, out long done)
    {
        SendRequest request = new() { HasBegun = true, HasSent = before > 0 };
        return Send(task, ref source, ref request, out done);
    }
}
