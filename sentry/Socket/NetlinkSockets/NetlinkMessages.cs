using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Abi.Linux;

namespace Sentry.Socket.NetlinkSockets;

/// <summary>What messages of every netlink protocol are made of (netlink(7)): headers, attributes, errors.</summary>
internal static class NetlinkMessages
{
    /// <summary>An acknowledgement or an error (nlmsgerr).</summary>
    internal static byte[] Error(ReadOnlySpan<byte> request, uint port, Errno error)
    {
        byte[] answer = new byte[Netlink.NLMSG_HDRLEN + sizeof(int) + Netlink.NLMSG_HDRLEN];
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(request[8..]);
        WriteHeader(answer, Netlink.NLMSG_ERROR, Netlink.NLM_F_CAPPED, sequence, port);
        BinaryPrimitives.WriteInt32LittleEndian(answer.AsSpan(Netlink.NLMSG_HDRLEN), -(int)error);
        request[..Netlink.NLMSG_HDRLEN].CopyTo(answer.AsSpan(Netlink.NLMSG_HDRLEN + sizeof(int)));
        return answer;
    }

    internal static byte[] Done(uint sequence, uint port)
    {
        byte[] answer = new byte[Netlink.NLMSG_HDRLEN + sizeof(int)];
        WriteHeader(answer, Netlink.NLMSG_DONE, Netlink.NLM_F_MULTI, sequence, port);
        return answer;
    }

    internal static void WriteHeader(Span<byte> message, ushort type, ushort flags, uint sequence, uint port)
    {
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message[4..], type);
        BinaryPrimitives.WriteUInt16LittleEndian(message[6..], flags);
        BinaryPrimitives.WriteUInt32LittleEndian(message[8..], sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(message[12..], port);
    }

    internal static void AddAttribute(List<byte> message, ushort kind, byte[] value)
    {
        Span<byte> head = stackalloc byte[Netlink.NLA_HDRLEN];
        BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)(Netlink.NLA_HDRLEN + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], kind);
        message.AddRange(head);
        message.AddRange(value);
        while (message.Count % Netlink.NLA_ALIGNTO != 0)
        {
            message.Add(0);
        }
    }

    /// <summary>The value of the first attribute of a kind; a list that is broken before it has none.</summary>
    internal static bool TryFindAttribute(ReadOnlySpan<byte> attributes, int kind, out ReadOnlySpan<byte> value)
    {
        // Without the bits that say how the value is written (NLA_TYPE_MASK).
        const int KindMask = 0x3FFF;
        value = default;
        while (attributes.Length >= Netlink.NLA_HDRLEN)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(attributes);
            if (length < Netlink.NLA_HDRLEN || length > attributes.Length)
            {
                return false;
            }

            if ((BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) & KindMask) == kind)
            {
                value = attributes[Netlink.NLA_HDRLEN..length];
                return true;
            }

            attributes = attributes[Math.Min(attributes.Length, (length + 3) & ~3)..];
        }

        return false;
    }
}
