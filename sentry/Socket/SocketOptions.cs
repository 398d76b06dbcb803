using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Socket;

/// <summary>
/// Options at SOL_SOCKET (socket(7), net/core/sock.c) that are kept, and mostly only kept. Any thread; each field is
/// one word.
/// </summary>
public sealed class SocketOptions
{
    /// <summary>net.core.wmem_max and rmem_max.</summary>
    public const int MaxBufferBytes = 212992;

    private const int MinSendBytes = 4608;
    private const int MinReceiveBytes = 2304;
    private const int TimevalBytes = 16;
    private const long MicrosecondsPerSecond = 1000000;

    private int _flags;

    // Boolean options and their bit.
    private enum Flag
    {
        ReuseAddress,
        ReusePort,
        KeepAlive,
        Broadcast,
        OobInline,
        DontRoute,
        Timestamp,
        TimestampNs,
        PassCredentials,
        PassSecurity,
        Debug,
        NoCheck,
        ReceiveOverflow,
    }

    /// <summary>SO_SNDBUF as getsockopt reports it: twice what was asked for.</summary>
    public int SendBufferBytes { get; private set; } = MaxBufferBytes;

    /// <summary>SO_RCVBUF, likewise.</summary>
    public int ReceiveBufferBytes { get; private set; } = MaxBufferBytes;

    /// <summary>SO_RCVTIMEO in ns; long.MaxValue for none.</summary>
    public long ReceiveTimeoutNs { get; private set; } = long.MaxValue;

    /// <summary>SO_SNDTIMEO in ns; long.MaxValue for none.</summary>
    public long SendTimeoutNs { get; private set; } = long.MaxValue;

    /// <summary>SO_RCVLOWAT.</summary>
    public int ReceiveLowWater { get; private set; } = 1;

    /// <summary>SO_PEEK_OFF; -1 when off.</summary>
    public int PeekOffset { get; set; } = -1;

    /// <summary>SO_LINGER.</summary>
    public Linger Linger { get; private set; }

    /// <summary>SO_PRIORITY.</summary>
    public int Priority { get; private set; }

    /// <summary>SO_MARK.</summary>
    public int Mark { get; private set; }

    /// <summary>SO_PASSCRED.</summary>
    public bool PassesCredentials => Has(Flag.PassCredentials);

    /// <summary>Copies what an accepted AF_UNIX socket inherits from its listener (unix_sock_inherit_flags).</summary>
    public void InheritFrom(SocketOptions listener)
    {
        _flags = listener._flags & ((1 << (int)Flag.PassCredentials) | (1 << (int)Flag.PassSecurity));
    }

    /// <summary>setsockopt(2) at SOL_SOCKET.</summary>
    public Errno Set(Task task, int name, ReadOnlySpan<byte> value)
    {
        if (name is Sockets.SO_RCVTIMEO_OLD or Sockets.SO_SNDTIMEO_OLD
            or Sockets.SO_RCVTIMEO_NEW or Sockets.SO_SNDTIMEO_NEW)
        {
            return SetTimeout(name, value);
        }

        if (name == Sockets.SO_LINGER)
        {
            return SetLinger(value);
        }

        if (value.Length < sizeof(int))
        {
            return Errno.EINVAL;
        }

        int number = BinaryPrimitives.ReadInt32LittleEndian(value);
        if (FlagOf(name) is { } flag)
        {
            Put(flag, number);
            return Errno.None;
        }

        return SetNumber(task, name, number);
    }

    /// <summary>getsockopt(2) at SOL_SOCKET.</summary>
    public Errno Get(SocketFile socket, int name, Span<byte> value, out int lengthBytes)
    {
        if (name is Sockets.SO_RCVTIMEO_OLD or Sockets.SO_RCVTIMEO_NEW)
        {
            return GetTimeout(ReceiveTimeoutNs, value, out lengthBytes);
        }

        if (name is Sockets.SO_SNDTIMEO_OLD or Sockets.SO_SNDTIMEO_NEW)
        {
            return GetTimeout(SendTimeoutNs, value, out lengthBytes);
        }

        if (name == Sockets.SO_LINGER)
        {
            Span<byte> linger = stackalloc byte[8];
            BinaryPrimitives.WriteInt32LittleEndian(linger, Linger.l_onoff);
            BinaryPrimitives.WriteInt32LittleEndian(linger[4..], Linger.l_linger);
            return Put(linger, value, out lengthBytes);
        }

        lengthBytes = 0;
        Errno error = Errno.None;
        int number = FlagOf(name) is { } flag ? (Has(flag) ? 1 : 0) : GetNumber(socket, name, out error);
        if (error != Errno.None)
        {
            return error;
        }

        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return Put(bytes, value, out lengthBytes);
    }

    /// <summary>Copies what fits, as getsockopt(2) does.</summary>
    internal static Errno Put(ReadOnlySpan<byte> source, Span<byte> value, out int lengthBytes)
    {
        lengthBytes = Math.Min(source.Length, value.Length);
        source[..lengthBytes].CopyTo(value);
        return Errno.None;
    }

    private static Flag? FlagOf(int name) => name switch
    {
        Sockets.SO_REUSEADDR => Flag.ReuseAddress,
        Sockets.SO_REUSEPORT => Flag.ReusePort,
        Sockets.SO_KEEPALIVE => Flag.KeepAlive,
        Sockets.SO_BROADCAST => Flag.Broadcast,
        Sockets.SO_OOBINLINE => Flag.OobInline,
        Sockets.SO_DONTROUTE => Flag.DontRoute,
        Sockets.SO_TIMESTAMP => Flag.Timestamp,
        Sockets.SO_TIMESTAMPNS => Flag.TimestampNs,
        Sockets.SO_PASSCRED => Flag.PassCredentials,
        Sockets.SO_PASSSEC => Flag.PassSecurity,
        Sockets.SO_DEBUG => Flag.Debug,
        Sockets.SO_NO_CHECK => Flag.NoCheck,
        Sockets.SO_RXQ_OVFL => Flag.ReceiveOverflow,
        _ => null,
    };

    private static Errno GetTimeout(long timeoutNs, Span<byte> value, out int lengthBytes)
    {
        Span<byte> bytes = stackalloc byte[TimevalBytes];
        long microseconds = timeoutNs == long.MaxValue ? 0 : timeoutNs / 1000;
        BinaryPrimitives.WriteInt64LittleEndian(bytes, microseconds / MicrosecondsPerSecond);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], microseconds % MicrosecondsPerSecond);
        return Put(bytes, value, out lengthBytes);
    }

    private bool Has(Flag flag) => (System.Threading.Volatile.Read(ref _flags) >> (int)flag & 1) != 0;

    private void Put(Flag flag, int number)
    {
        int bit = 1 << (int)flag;
        if (number != 0)
        {
            System.Threading.Interlocked.Or(ref _flags, bit);
        }
        else
        {
            System.Threading.Interlocked.And(ref _flags, ~bit);
        }
    }

    private Errno SetNumber(Task task, int name, int number)
    {
        switch (name)
        {
            case Sockets.SO_SNDBUF:
                SendBufferBytes = Math.Max(MinSendBytes, (int)Math.Min((uint)number, MaxBufferBytes) * 2);
                return Errno.None;
            case Sockets.SO_RCVBUF:
                ReceiveBufferBytes = Math.Max(MinReceiveBytes, (int)Math.Min((uint)number, MaxBufferBytes) * 2);
                return Errno.None;
            case Sockets.SO_SNDBUFFORCE or Sockets.SO_RCVBUFFORCE:
                return SetForced(task, name, number);
            case Sockets.SO_RCVLOWAT:
                ReceiveLowWater = number < 0 ? int.MaxValue : Math.Max(1, number);
                return Errno.None;
            case Sockets.SO_PRIORITY:
                Priority = number;
                return Errno.None;
            case Sockets.SO_MARK:
                if (!task.Credentials.HasCapability(Capability.CAP_NET_ADMIN))
                {
                    return Errno.EPERM;
                }

                Mark = number;
                return Errno.None;
            default:
                return Errno.ENOPROTOOPT;
        }
    }

    private Errno SetForced(Task task, int name, int number)
    {
        if (!task.Credentials.HasCapability(Capability.CAP_NET_ADMIN))
        {
            return Errno.EPERM;
        }

        int doubled = (int)Math.Min((long)Math.Max(0, number) * 2, int.MaxValue & ~1);
        if (name == Sockets.SO_SNDBUFFORCE)
        {
            SendBufferBytes = Math.Max(MinSendBytes, doubled);
        }
        else
        {
            ReceiveBufferBytes = Math.Max(MinReceiveBytes, doubled);
        }

        return Errno.None;
    }

    private int GetNumber(SocketFile socket, int name, out Errno error)
    {
        error = Errno.None;
        switch (name)
        {
            case Sockets.SO_TYPE:
                return socket.Type;
            case Sockets.SO_DOMAIN:
                return socket.Family;
            case Sockets.SO_PROTOCOL:
                return socket.Protocol;
            case Sockets.SO_ERROR:
                return (int)socket.TakeError();
            case Sockets.SO_ACCEPTCONN:
                return socket.IsListening ? 1 : 0;
            case Sockets.SO_SNDBUF:
                return SendBufferBytes;
            case Sockets.SO_RCVBUF:
                return ReceiveBufferBytes;
            case Sockets.SO_RCVLOWAT:
                return ReceiveLowWater;
            case Sockets.SO_SNDLOWAT:
                return 1;
            case Sockets.SO_PRIORITY:
                return Priority;
            case Sockets.SO_MARK:
                return Mark;
            case Sockets.SO_PEEK_OFF:
                return PeekOffset;
            case Sockets.SO_BSDCOMPAT or Sockets.SO_INCOMING_CPU:
                return 0;
            default:
                error = Errno.ENOPROTOOPT;
                return 0;
        }
    }

    private Errno SetTimeout(int name, ReadOnlySpan<byte> value)
    {
        if (value.Length < TimevalBytes)
        {
            return Errno.EINVAL;
        }

        long seconds = BinaryPrimitives.ReadInt64LittleEndian(value);
        long microseconds = BinaryPrimitives.ReadInt64LittleEndian(value[8..]);
        if (microseconds is < 0 or >= MicrosecondsPerSecond)
        {
            return Errno.EDOM;
        }

        // A negative time is "do not wait", zero is "for ever" (sock_set_timeout).
        long timeoutNs = seconds < 0 ? 0 : long.MaxValue;
        if (seconds >= 0 && (seconds | microseconds) != 0 && seconds < long.MaxValue / 2000000000)
        {
            timeoutNs = (seconds * 1000000000) + (microseconds * 1000);
        }

        if (name is Sockets.SO_RCVTIMEO_OLD or Sockets.SO_RCVTIMEO_NEW)
        {
            ReceiveTimeoutNs = timeoutNs;
        }
        else
        {
            SendTimeoutNs = timeoutNs;
        }

        return Errno.None;
    }

    private Errno SetLinger(ReadOnlySpan<byte> value)
    {
        if (value.Length < 8)
        {
            return Errno.EINVAL;
        }

        Linger = new Linger
        {
            l_onoff = BinaryPrimitives.ReadInt32LittleEndian(value) != 0 ? 1 : 0,
            l_linger = BinaryPrimitives.ReadInt32LittleEndian(value[4..]),
        };
        return Errno.None;
    }
}
