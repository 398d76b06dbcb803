using System;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>Sends and receives control messages over one end of a seqpacket pair. Sending is safe from several
/// threads.</summary>
internal sealed class ControlChannel
{
    private const int MaxMessageBytes = 8192;

    private readonly int _fd;

    internal ControlChannel(int fd) => _fd = fd;

    /// <summary>Sends one message. EPIPE when the other side is gone.</summary>
    internal Errno Send(ControlMessage message)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(message, ControlJson.Default.ControlMessage);
        return HostSocket.Send(_fd, bytes, [], HostSocket.MsgNoSignal, out _);
    }

    /// <summary>Receives one message; null when the other side closed or sent what is no message.</summary>
    internal ControlMessage? Receive()
    {
        byte[] buffer = new byte[MaxMessageBytes];
        Errno errno;
        int done;
        do
        {
            errno = HostSocket.Receive(_fd, buffer, [], HostSocket.MsgCmsgCloexec, out done, out _);
        }
        while (errno == Errno.EINTR);

        if (errno != Errno.None || done == 0)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(buffer.AsSpan(0, done), ControlJson.Default.ControlMessage);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
