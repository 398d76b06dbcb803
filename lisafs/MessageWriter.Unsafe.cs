using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Lisafs;

/// <summary>
/// Builds one message in a caller's buffer. A write that does not fit sets <see cref="HasOverflowed"/> and leaves
/// the message as it was; nothing is ever written past the buffer.
/// </summary>
public ref struct MessageWriter
{
    /// <summary>Bytes of <see cref="MessageHeader"/>.</summary>
    public const int HeaderBytes = 16;

    private readonly Span<byte> _buffer;
    private int _length;

    /// <summary>A message of the operation with an empty body.</summary>
    public MessageWriter(Span<byte> buffer)
    {
        Debug.Assert(buffer.Length >= HeaderBytes, "room for a header");
        _buffer = buffer;
        _length = HeaderBytes;
    }

    /// <summary>Bytes so far, with the header.</summary>
    public readonly int Length => _length;

    /// <summary>True when something did not fit.</summary>
    public bool HasOverflowed { get; private set; }

    /// <summary>Forgets what was written after <paramref name="length"/>, and any overflow.</summary>
    public void Rewind(int length)
    {
        _length = length;
        HasOverflowed = false;
    }

    /// <summary>Appends a value.</summary>
    public bool Write<T>(in T value)
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        if (!Reserve(size, out Span<byte> room))
        {
            return false;
        }

        // SAFETY: T is unmanaged and the reserved span has exactly its size.
        MemoryMarshal.Write(room, in value);
        return true;
    }

    /// <summary>Overwrites a value written before at <paramref name="position"/>.</summary>
    public readonly void Patch<T>(int position, in T value)
        where T : unmanaged
    {
        // SAFETY: the slice throws when the position does not lie inside the message; T is unmanaged.
        MemoryMarshal.Write(_buffer[..(_length)][position..], in value);
    }

    /// <summary>Appends bytes with their count before.</summary>
    public bool WriteBytes(ReadOnlySpan<byte> bytes)
    {
        if (!Reserve(sizeof(uint) + bytes.Length, out Span<byte> room))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(room, (uint)bytes.Length);
        bytes.CopyTo(room[sizeof(uint)..]);
        return true;
    }

    /// <summary>Appends a Latin-1 string with its length before.</summary>
    public bool WriteString(string value)
    {
        if (!Reserve(sizeof(uint) + value.Length, out Span<byte> room))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(room, (uint)value.Length);
        Encoding.Latin1.GetBytes(value, room[sizeof(uint)..]);
        return true;
    }

    /// <summary>Writes the header and gives the whole message.</summary>
    public readonly ReadOnlySpan<byte> Finish(Operation operation, int error, int descriptorCount)
    {
        MessageHeader header = new()
        {
            LengthBytes = (uint)_length,
            Version = Protocol.Version,
            Operation = (ushort)operation,
            Error = error,
            DescriptorCount = (uint)descriptorCount,
        };

        // SAFETY: the constructor asserted that the buffer holds a header.
        MemoryMarshal.Write(_buffer, in header);
        return _buffer[.._length];
    }

    private bool Reserve(int size, out Span<byte> room)
    {
        if (HasOverflowed || size > _buffer.Length - _length)
        {
            HasOverflowed = true;
            room = default;
            return false;
        }

        room = _buffer.Slice(_length, size);
        _length += size;
        return true;
    }
}
