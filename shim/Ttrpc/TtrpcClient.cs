using System;
using Abi.Linux;
using Google.Protobuf;
using HostOs;
using Shim.Host;
using Shim.Messages;

namespace Shim.Ttrpc;

/// <summary>One connection to a server, one call at a time.</summary>
internal sealed class TtrpcClient : IDisposable
{
    private const string NamespaceKey = "containerd-namespace-ttrpc";

    private readonly HostFd _socket;
    private readonly string _namespace;
    private uint _stream = 1;

    private TtrpcClient(HostFd socket, string space)
    {
        _socket = socket;
        _namespace = space;
    }

    /// <summary>Connects; null when nobody listens.</summary>
    internal static TtrpcClient? Connect(string path, string space) =>
        StreamSocket.Connect(path, out HostFd? socket) == Errno.None ? new TtrpcClient(socket!, space) : null;

    /// <summary>Makes a call whose answer carries nothing; false when the connection is of no use any more.</summary>
    internal bool Call(string service, string method, IMessage message)
    {
        const long TimeoutNs = 5_000_000_000;
        Request request = new()
        {
            Service = service,
            Method = method,
            Payload = message.ToByteString(),
            TimeoutNano = TimeoutNs,
        };
        request.Metadata.Add(new KeyValue { Key = NamespaceKey, Value = _namespace });
        uint stream = _stream;
        _stream += 2;
        if (Frame.Write(_socket.Value, stream, FrameKind.Request, request.ToByteArray()) != Errno.None)
        {
            return false;
        }

        Frame answer;
        do
        {
            if (!Frame.TryRead(_socket.Value, out answer))
            {
                return false;
            }
        }
        while (answer.Stream != stream || answer.Kind != FrameKind.Response);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
