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
    internal static Errno Send(int socket, ReadOnlySpan<byte> packet, ReadOnlySpan<int> fds = default, int flags = 0)
    {
        Errno errno;
        do
        {
            errno = HostSocket.Send(socket, packet, fds, flags | HostSocket.MsgNoSignal, out _);
        }
        while (errno == Errno.EINTR);

        return errno;
    }

    /// <summary>
    /// Receives one packet and its descriptors, which the caller owns. None with a length of 0: the other side closed.
    /// </summary>
    internal static Errno Receive(int socket, Span<byte> buffer, Span<int> fds, out int fdCount, out int length)
    {
        Errno errno;
        do
        {
            // ECONNRESET is told once, before what a peer sent that closed with unread packets: see ControlChannel.
            errno = HostSocket.Receive(socket, buffer, fds, HostSocket.MsgCmsgCloexec, out length, out fdCount);
        }
        while (errno is Errno.EINTR or Errno.ECONNRESET);

        return errno;
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
