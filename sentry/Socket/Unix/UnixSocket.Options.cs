using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Socket.Unix;

// Options of unix(7).
public sealed partial class UnixSocket
{
    /// <inheritdoc/>
    public override Errno SetOption(Task task, int level, int name, ReadOnlySpan<byte> value)
    {
        if (level != Sockets.SOL_SOCKET)
        {
            return Errno.EOPNOTSUPP;
        }

        if (name != Sockets.SO_PEEK_OFF)
        {
            Errno error = base.SetOption(task, level, name, value);
            if (name is Sockets.SO_SNDBUF or Sockets.SO_SNDBUFFORCE && HasRoomToSend)
            {
                Queue.Notify(WriteEvents);
            }

            return error;
        }

        if (value.Length < sizeof(int))
        {
            return Errno.EINVAL;
        }

        using (_readLock.Enter())
        {
            Options.PeekOffset = BinaryPrimitives.ReadInt32LittleEndian(value);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno GetOption(Task task, int level, int name, Span<byte> value, out int lengthBytes)
    {
        lengthBytes = 0;
        if (level != Sockets.SOL_SOCKET)
        {
            return Errno.EOPNOTSUPP;
        }

        switch (name)
        {
            case Sockets.SO_PEERCRED:
                return GetPeerCredentials(task, value, out lengthBytes);
            case Sockets.SO_PEERGROUPS:
                return GetPeerGroups(task, value, out lengthBytes);
            case Sockets.SO_PEERNAME:
                return GetPeerNameOption(task, value, out lengthBytes);
            case Sockets.SO_PEERSEC:
                return Errno.ENOPROTOOPT;
            case Sockets.SO_PEEK_OFF:
                Span<byte> bytes = stackalloc byte[sizeof(int)];
                BinaryPrimitives.WriteInt32LittleEndian(bytes, Options.PeekOffset);
                return SocketOptions.Put(bytes, value, out lengthBytes);
            default:
                return base.GetOption(task, level, name, value, out lengthBytes);
        }
    }

    private Errno GetPeerCredentials(Task task, Span<byte> value, out int lengthBytes)
    {
        Span<byte> ucred = stackalloc byte[12];
        if (_peerCredentials is { } credentials)
        {
            credentials.Write(task, ucred);
        }
        else
        {
            // Nobody is there: pid 0 and ids of -1 (cred_to_ucred of an empty peer).
            BinaryPrimitives.WriteInt32LittleEndian(ucred, 0);
            BinaryPrimitives.WriteUInt32LittleEndian(ucred[4..], uint.MaxValue);
            BinaryPrimitives.WriteUInt32LittleEndian(ucred[8..], uint.MaxValue);
        }

        return SocketOptions.Put(ucred, value, out lengthBytes);
    }

    private Errno GetPeerGroups(Task task, Span<byte> value, out int lengthBytes)
    {
        lengthBytes = 0;
        if (_peerCredentials is not { } credentials)
        {
            return Errno.ENODATA;
        }

        uint[] groups = credentials.Groups ?? [];
        lengthBytes = groups.Length * sizeof(uint);
        if (value.Length < lengthBytes)
        {
            return Errno.ERANGE;
        }

        for (int i = 0; i < groups.Length; i++)
        {
            uint seen = task.Credentials.UserNamespace.FromKernelGidOrOverflow(groups[i]);
            BinaryPrimitives.WriteUInt32LittleEndian(value[(i * sizeof(uint))..], seen);
        }

        return Errno.None;
    }

    private Errno GetPeerNameOption(Task task, Span<byte> value, out int lengthBytes)
    {
        Span<byte> address = stackalloc byte[128];
        Errno error = GetPeerName(task, address, out int length);
        lengthBytes = 0;
        if (error != Errno.None)
        {
            return error;
        }

        return length < value.Length ? Errno.EINVAL : SocketOptions.Put(address[..length], value, out lengthBytes);
    }
}
