using System;
using System.Runtime.InteropServices;

namespace Lisafs;

/// <summary>The check every received message passes before its body is looked at.</summary>
public static class MessageFraming
{
    /// <summary>True when the message is whole, of this version, and names an operation.</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, out MessageHeader header)
    {
        header = default;
        if (message.Length < MessageWriter.HeaderBytes || message.Length > Protocol.MaxMessageBytes)
        {
            return false;
        }

        // SAFETY: the length was just checked; the header is blittable.
        header = MemoryMarshal.Read<MessageHeader>(message);
        return header.LengthBytes == (uint)message.Length && header.Version == Protocol.Version
            && header.Operation is > 0 and < (ushort)Operation.Limit
                && header.DescriptorCount <= Protocol.MaxDescriptors;
    }
}
