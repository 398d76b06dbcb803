using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;

namespace Sentry.Socket.NetlinkSockets;

/// <summary>
/// Answers of rtnetlink(7): a namespace without a network stack has a loopback interface and nothing else.
/// </summary>
internal static class RouteMessages
{
    private const ushort NewLink = 16;
    private const ushort GetLink = 18;
    private const ushort NewAddress = 20;
    private const ushort GetAddress = 22;
    private const ushort GetRoute = 26;
    private const ushort GetNeighbour = 30;
    private const ushort GetRule = 34;
    private const int LinkBodyBytes = 16;
    private const ushort LoopbackType = 772;
    private const int LoopbackIndex = 1;
    private const uint LoopbackMtu = 65536;

    // Attributes of links.
    private const ushort LinkAddress = 1;
    private const ushort LinkBroadcast = 2;
    private const ushort LinkName = 3;
    private const ushort LinkMtu = 4;
    private const ushort LinkQueueLength = 13;
    private const ushort LinkState = 16;

    private const int HeaderBytes = Netlink.NLMSG_HDRLEN;

    /// <summary>Adds the answers to one request; <paramref name="message"/> has its header.</summary>
    public static void Answer(ReadOnlySpan<byte> message, uint port, List<byte[]> answers)
    {
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(message[4..]);
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(message[6..]);
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(message[8..]);
        bool isDump = (flags & Netlink.NLM_F_DUMP) == Netlink.NLM_F_DUMP;
        if (type is Netlink.NLMSG_NOOP or Netlink.NLMSG_ERROR or Netlink.NLMSG_DONE)
        {
            return;
        }

        if (isDump && type is GetLink or GetAddress or GetRoute or GetNeighbour or GetRule)
        {
            if (type == GetLink)
            {
                answers.Add(Link(sequence, port, Netlink.NLM_F_MULTI));
            }

            answers.Add(NetlinkMessages.Done(sequence, port));
            return;
        }

        if (type == GetLink)
        {
            bool isFound = AsksForLoopback(message);
            answers.Add(isFound ? Link(sequence, port, 0) : NetlinkMessages.Error(message, port, Errno.ENODEV));
            return;
        }

        bool changes = type is >= NewLink && (type & 3) != 2;
        Errno error = changes ? Errno.EPERM : Errno.EOPNOTSUPP;
        answers.Add(NetlinkMessages.Error(message, port, error));
    }

    private static bool AsksForLoopback(ReadOnlySpan<byte> message)
    {
        if (message.Length < HeaderBytes + LinkBodyBytes)
        {
            return false;
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(message[(HeaderBytes + 4)..]);
        if (index != 0)
        {
            return index == LoopbackIndex;
        }

        return NetlinkMessages.TryFindAttribute(message[(HeaderBytes + LinkBodyBytes)..], LinkName,
            out ReadOnlySpan<byte> name)
            && name.TrimEnd((byte)0).SequenceEqual("lo"u8);
    }

    private static byte[] Link(uint sequence, uint port, ushort flags)
    {
        List<byte> body = new(new byte[HeaderBytes + LinkBodyBytes]);
        NetlinkMessages.AddAttribute(body, LinkName, Encoding.ASCII.GetBytes("lo\0"));
        NetlinkMessages.AddAttribute(body, LinkQueueLength, BitConverter.GetBytes(1000u));
        NetlinkMessages.AddAttribute(body, LinkState, [0]);
        NetlinkMessages.AddAttribute(body, LinkMtu, BitConverter.GetBytes(LoopbackMtu));
        NetlinkMessages.AddAttribute(body, LinkAddress, new byte[6]);
        NetlinkMessages.AddAttribute(body, LinkBroadcast, new byte[6]);
        byte[] answer = body.ToArray();
        NetlinkMessages.WriteHeader(answer, NewLink, flags, sequence, port);
        Span<byte> link = answer.AsSpan(HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(link[2..], LoopbackType);
        BinaryPrimitives.WriteInt32LittleEndian(link[4..], LoopbackIndex);
        BinaryPrimitives.WriteInt32LittleEndian(link[8..], If.IFF_LOOPBACK);
        return answer;
    }
}
