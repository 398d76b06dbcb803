using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Socket.NetlinkSockets;

/// <summary>
/// A netlink socket: requests are answered at once by the kernel's side, answers wait here (netlink(7)).
/// </summary>
internal sealed class NetlinkSocket : SocketFile
{
    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM;
    private const int AddressBytes = 12;
    private const int MaxRequestBytes = 65536;

    // net.core.rmem_default; sk_buff overhead counts, else empty answers would be free.
    private const int MaxQueuedBytes = 212992;
    private const int AnswerOverheadBytes = 512;

    private readonly NetlinkPorts _ports;
    private readonly OrderedLock<SocketLevel> _lock = new();

    // Guarded by _lock.
    private readonly Queue<byte[]> _answers = new();
    private int _queuedBytes;
    private bool _hasOverrun;
    private uint _port;
    private uint _groups;
    private bool _isBound;

    public NetlinkSocket(GuestKernel kernel, Credentials owner, NetlinkPorts ports, int type, int protocol)
        : base(kernel, owner, Sockets.AF_NETLINK, type, protocol) => _ports = ports;

    /// <inheritdoc/>
    public override uint Poll(Task task)
    {
        using (_lock.Enter())
        {
            return (_answers.Count > 0 || _hasOverrun ? ReadEvents : 0) | Epoll.EPOLLOUT | Epoll.EPOLLWRNORM;
        }
    }

    /// <inheritdoc/>
    public override Errno Bind(Task task, ReadOnlySpan<byte> address)
    {
        if (address.Length < AddressBytes || BinaryPrimitives.ReadUInt16LittleEndian(address) != Sockets.AF_NETLINK)
        {
            return Errno.EINVAL;
        }

        uint port = BinaryPrimitives.ReadUInt32LittleEndian(address[4..]);
        using (_lock.Enter())
        {
            _groups = BinaryPrimitives.ReadUInt32LittleEndian(address[8..]);
            if (_isBound)
            {
                return port == _port ? Errno.None : Errno.EINVAL;
            }

            if (port == 0)
            {
                AutobindLocked(task);
                return Errno.None;
            }

            Errno error = _ports.Bind(port);
            _isBound = error == Errno.None;
            _port = _isBound ? port : 0;
            return error;
        }
    }

    /// <inheritdoc/>
    public override Errno Connect(Task task, ReadOnlySpan<byte> address, out WaitQueue? blockOn)
    {
        blockOn = null;
        if (address.Length < AddressBytes || BinaryPrimitives.ReadUInt16LittleEndian(address) != Sockets.AF_NETLINK)
        {
            return Errno.EINVAL;
        }

        // Only the kernel listens.
        return BinaryPrimitives.ReadUInt32LittleEndian(address[4..]) == 0 ? Errno.None : Errno.ECONNREFUSED;
    }

    /// <inheritdoc/>
    public override Errno Send(Task task, ref IoSequence data, ref SendRequest request, out long done)
    {
        done = 0;
        ReadOnlySpan<byte> address = request.Address;
        if (address.Length >= AddressBytes && BinaryPrimitives.ReadUInt32LittleEndian(address[4..]) != 0)
        {
            return Errno.ECONNREFUSED;
        }

        if (data.Remaining > MaxRequestBytes)
        {
            return Errno.EMSGSIZE;
        }

        byte[] bytes = new byte[data.Remaining];
        Errno error = data.CopyIn(bytes, out int copied);
        if (error != Errno.None)
        {
            return error;
        }

        List<byte[]> answers = new();
        uint port;
        using (_lock.Enter())
        {
            AutobindLocked(task);
            port = _port;
        }

        AnswerAll(task, bytes, port, answers);
        using (_lock.Enter())
        {
            answers.ForEach(EnqueueLocked);
        }

        done = copied;
        if (answers.Count > 0)
        {
            Queue.Notify(ReadEvents);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Receive(Task task, ref IoSequence data, ref ReceiveRequest request, out long done)
    {
        done = 0;
        byte[]? answer;
        using (_lock.Enter())
        {
            if (_hasOverrun)
            {
                _hasOverrun = false;
                return Errno.ENOBUFS;
            }

            bool isPeek = (request.Flags & Sockets.MSG_PEEK) != 0;
            if (!(isPeek ? _answers.TryPeek(out answer) : _answers.TryDequeue(out answer)))
            {
                return Errno.EAGAIN;
            }

            _queuedBytes -= isPeek ? 0 : answer.Length + AnswerOverheadBytes;
        }

        Errno error = data.CopyOut(answer!, out int copied);
        request.MessageFlags |= copied < answer!.Length ? Sockets.MSG_TRUNC : 0;
        if (request.Address.Length >= AddressBytes)
        {
            request.Address[..AddressBytes].Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(request.Address, Sockets.AF_NETLINK);
            request.AddressBytes = AddressBytes;
        }

        done = (request.Flags & Sockets.MSG_TRUNC) != 0 ? answer.Length : copied;
        return error;
    }

    /// <inheritdoc/>
    public override Errno Shutdown(Task task, int how) => Errno.EOPNOTSUPP;

    /// <inheritdoc/>
    public override Errno GetName(Task task, Span<byte> address, out int lengthBytes)
    {
        address[..AddressBytes].Clear();
        using (_lock.Enter())
        {
            BinaryPrimitives.WriteUInt16LittleEndian(address, Sockets.AF_NETLINK);
            BinaryPrimitives.WriteUInt32LittleEndian(address[4..], _port);
            BinaryPrimitives.WriteUInt32LittleEndian(address[8..], _groups);
        }

        lengthBytes = AddressBytes;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno GetPeerName(Task task, Span<byte> address, out int lengthBytes)
    {
        address[..AddressBytes].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(address, Sockets.AF_NETLINK);
        lengthBytes = AddressBytes;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno SetOption(Task task, int level, int name, ReadOnlySpan<byte> value)
    {
        if (level != Sockets.SOL_NETLINK)
        {
            return base.SetOption(task, level, name, value);
        }

        // Groups never have news here, and answers carry no extensions: the options change nothing.
        return name is >= Netlink.NETLINK_ADD_MEMBERSHIP and <= Netlink.NETLINK_GET_STRICT_CHK
            ? Errno.None
            : Errno.ENOPROTOOPT;
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        using (_lock.Enter())
        {
            if (_isBound)
            {
                _ports.Unbind(_port);
                _isBound = false;
            }
        }
    }

    private void AutobindLocked(Task task)
    {
        if (!_isBound)
        {
            _port = _ports.Autobind((uint)task.ThreadGroup.Id);
            _isBound = true;
        }
    }

    /// <summary>A reader that does not keep up loses answers, and is told so (netlink(7), ENOBUFS).</summary>
    private void EnqueueLocked(byte[] answer)
    {
        int charge = answer.Length + AnswerOverheadBytes;
        if (_queuedBytes + charge > MaxQueuedBytes)
        {
            _hasOverrun = true;
            return;
        }

        _queuedBytes += charge;
        _answers.Enqueue(answer);
    }

    private void AnswerAll(Task task, ReadOnlySpan<byte> bytes, uint port, List<byte[]> answers)
    {
        while (bytes.Length >= Netlink.NLMSG_HDRLEN)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            if (length < Netlink.NLMSG_HDRLEN || length > bytes.Length)
            {
                return;
            }

            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]);
            if ((flags & Netlink.NLM_F_REQUEST) != 0)
            {
                Answer(task, bytes[..(int)length], port, answers);
            }

            bytes = bytes[(int)Math.Min(bytes.Length, (length + 3) & ~3L)..];
        }
    }

    private void Answer(Task task, ReadOnlySpan<byte> message, uint port, List<byte[]> answers)
    {
        if (Protocol == Netlink.NETLINK_GENERIC)
        {
            GenericMessages.Answer(task, message, port, answers);
        }
        else
        {
            RouteMessages.Answer(message, port, answers);
        }
    }
}
