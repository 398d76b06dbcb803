using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>A connection to the control socket of a running Sentry.</summary>
internal sealed class ControlClient : IDisposable
{
    private readonly HostFd _socket;
    private readonly byte[] _buffer = new byte[Packets.MaxReplyBytes];

    private ControlClient(HostFd socket) => _socket = socket;

    /// <summary>A client over a connection that exists.</summary>
    internal static ControlClient Over(HostFd socket) => new(socket);

    /// <summary>Connects; null when nobody listens.</summary>
    internal static ControlClient? Connect(StateDirectory directory, string? container = null) =>
        UnixSocket.Connect(directory.Fd, StateDirectory.SocketName, HostSocket.SeqPacket, out HostFd? socket)
            == Errno.None ? new ControlClient(socket!) { Container = container } : null;

    /// <summary>The connection, to poll or to pass on.</summary>
    internal HostFd Socket => _socket;

    /// <summary>Which container of the sandbox every request is about; none is the sandbox's own.</summary>
    internal string? Container { get; init; }

    /// <summary>Sends a request; false when the Sentry is gone.</summary>
    internal bool Send(ControlRequest request, ReadOnlySpan<int> fds = default)
    {
        request.Container = Container;
        return Packets.Send(_socket.Value, request.ToJson(), fds) == Errno.None;
    }

    /// <summary>The next reply; null when the Sentry is gone.</summary>
    internal ControlReply? Receive()
    {
        Errno errno = Packets.Receive(_socket.Value, _buffer, default, out _, out int length);
        return errno == Errno.None ? ControlReply.Parse(_buffer.AsSpan(0, length)) : null;
    }

    /// <summary>Asks for something and throws the line that says why it was not done.</summary>
    internal ControlReply Ask(ControlRequest request, ReadOnlySpan<int> fds = default)
    {
        ControlReply? reply = Send(request, fds) ? Receive() : null;
        return reply switch
        {
            null => throw new UserErrorException("container not running"),
            { Kind: ReplyKind.Failed } => throw new UserErrorException(reply.Text ?? "the sandbox refused"),
            _ => reply,
        };
    }

    /// <summary>All processes of the sandbox.</summary>
    internal List<ProcessEntry> Processes()
    {
        List<ProcessEntry> result = [];
        ControlReply? reply = Ask(new ControlRequest { Kind = RequestKind.List });
        while (reply is { Kind: ReplyKind.Processes, Processes: { Count: > 0 } part })
        {
            result.AddRange(part);
            reply = Receive();
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
