using System;
using System.Buffers.Binary;
using Abi.Linux;
using HostOs;

namespace Shim.Ttrpc;

/// <summary>One frame: ten bytes of header (length, stream, both big-endian; kind; flags), then data (ttrpc,
/// PROTOCOL.md).</summary>
/// <param name="Stream">The call: odd numbers are the client's.</param>
/// <param name="Kind">Request or response.</param>
/// <param name="Data">At most <see cref="MaxDataBytes"/>; null when the sender sent more, which is passed over.</param>
internal readonly record struct Frame(uint Stream, FrameKind Kind, byte[]? Data)
{
    internal const int MaxDataBytes = 4 << 20;

    private const int HeaderBytes = 10;
    private const int DiscardBytes = 64 << 10;

    /// <summary>Reads one frame; false when the other side has closed.</summary>
    internal static bool TryRead(int fd, out Frame frame)
    {
        frame = default;
        byte[] header = new byte[HeaderBytes];
        if (!ReadWhole(fd, header))
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(header);
        uint stream = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4));
        FrameKind kind = (FrameKind)header[8];
        if (length > MaxDataBytes)
        {
            frame = new Frame(stream, kind, null);
            return Discard(fd, length);
        }

        byte[] data = new byte[length];
        frame = new Frame(stream, kind, data);
        return ReadWhole(fd, data);
    }

    /// <summary>Writes one frame; the caller keeps others from writing meanwhile.</summary>
    internal static Errno Write(int fd, uint stream, FrameKind kind, ReadOnlySpan<byte> data)
    {
        byte[] bytes = new byte[HeaderBytes + data.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), stream);
        bytes[8] = (byte)kind;
        data.CopyTo(bytes.AsSpan(HeaderBytes));
        return HostUnistd.WriteAll(fd, bytes);
    }

    private static bool ReadWhole(int fd, Span<byte> buffer) =>
        HostUnistd.ReadAll(fd, buffer, out int done) == Errno.None && done == buffer.Length;

    private static bool Discard(int fd, uint length)
    {
        byte[] nothing = new byte[DiscardBytes];
        while (length > 0)
        {
            int part = (int)Math.Min(length, DiscardBytes);
            if (!ReadWhole(fd, nothing.AsSpan(0, part)))
            {
                return false;
            }

            length -= (uint)part;
        }

        return true;
    }
}

/// <summary>What a frame is.</summary>
internal enum FrameKind : byte
{
    Request = 1,
    Response = 2,
    Data = 3,
}
