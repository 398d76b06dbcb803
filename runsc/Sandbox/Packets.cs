using System;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Abi.Linux;
using HostOs;

namespace Runsc.Sandbox;

/// <summary>JSON packets over SOCK_SEQPACKET sockets, with descriptors.</summary>
internal static class Packets
{
    /// <summary>A request is no longer; more is cut by the host and so refused.</summary>
    internal const int MaxRequestBytes = 8192;

    /// <summary>A reply is no longer.</summary>
    internal const int MaxReplyBytes = 65536;

    /// <summary>Most descriptors with one packet.</summary>
    internal const int MaxFds = 16;

    /// <summary>Sends one packet. EPIPE when the other side is gone.</summary>
    internal static Errno Send<T>(int socket, T packet, JsonTypeInfo<T> type, ReadOnlySpan<int> fds = default,
        int flags = 0)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(packet, type);
        Errno errno;
        do
        {
            errno = HostSocket.Send(socket, bytes, fds, flags | HostSocket.MsgNoSignal, out _);
        }
        while (errno == Errno.EINTR);

        return errno;
    }

    /// <summary>
    /// Receives one packet and its descriptors, which the caller owns. None with a null packet: the other side closed,
    /// EBADMSG: sent what is no packet.
    /// </summary>
    internal static Errno Receive<T>(int socket, Span<byte> buffer, JsonTypeInfo<T> type, Span<int> fds,
        out int fdCount, out T? packet)
        where T : class
    {
        packet = null;
        Errno errno;
        int done;
        do
        {
            // ECONNRESET is told once, before what a peer sent that closed with unread packets: see ControlChannel.
            errno = HostSocket.Receive(socket, buffer, fds, HostSocket.MsgCmsgCloexec, out done, out fdCount);
        }
        while (errno is Errno.EINTR or Errno.ECONNRESET);

        if (errno != Errno.None || done == 0)
        {
            return errno;
        }

        packet = Parse(buffer[..done], type);
        return packet is null ? Errno.EBADMSG : Errno.None;
    }

    /// <summary>The packet the bytes are; null when they are none.</summary>
    internal static T? Parse<T>(ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
