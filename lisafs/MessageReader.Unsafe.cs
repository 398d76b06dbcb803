using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Lisafs;

/// <summary>
/// Checked view of the body of a message from an untrusted peer: every read says whether the bytes were there.
/// After one failure all reads fail, so that a parser may read all fields and look at <see cref="IsComplete"/>
/// once.
/// </summary>
public ref struct MessageReader
{
    private ReadOnlySpan<byte> _rest;
    private bool _failed;

    /// <summary>A view over the bytes.</summary>
    public MessageReader(ReadOnlySpan<byte> body) => _rest = body;

    /// <summary>True when every read succeeded and nothing is left over.</summary>
    public readonly bool IsComplete => !_failed && _rest.IsEmpty;

    /// <summary>True when a read failed.</summary>
    public readonly bool HasFailed => _failed;

    /// <summary>Bytes not read yet.</summary>
    public readonly int Remaining => _rest.Length;

    /// <summary>Reads a value of a padding-tolerant blittable type.</summary>
    public bool Read<T>(out T value)
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        if (_failed || _rest.Length < size)
        {
            value = default;
            return Fail();
        }

        // SAFETY: T is unmanaged and the span was just checked to hold its bytes; unaligned reads are allowed by
        // MemoryMarshal.Read.
        value = MemoryMarshal.Read<T>(_rest);
        _rest = _rest[size..];
        return true;
    }

    /// <summary>Reads bytes preceded by their 32-bit count.</summary>
    public bool ReadBytes(int maxBytes, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (_failed || _rest.Length < sizeof(uint))
        {
            return Fail();
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(_rest);
        if (length > (uint)maxBytes || length > (uint)(_rest.Length - sizeof(uint)))
        {
            return Fail();
        }

        bytes = _rest.Slice(sizeof(uint), (int)length);
        _rest = _rest[(sizeof(uint) + (int)length)..];
        return true;
    }

    /// <summary>Reads a byte string as Latin-1.</summary>
    public bool ReadString(int maxBytes, out string value)
    {
        bool ok = ReadBytes(maxBytes, out ReadOnlySpan<byte> bytes);
        value = bytes.IsEmpty ? "" : Encoding.Latin1.GetString(bytes);
        return ok;
    }

    /// <summary>Reads a byte string without NUL.</summary>
    public bool ReadText(int maxBytes, out string value)
    {
        bool ok = ReadBytes(maxBytes, out ReadOnlySpan<byte> bytes);
        value = "";
        if (!ok || bytes.Contains((byte)0))
        {
            return Fail();
        }

        value = Encoding.Latin1.GetString(bytes);
        return true;
    }

    /// <summary>Reads one path component: not empty, no slash, no NUL, neither "." nor "..".</summary>
    public bool ReadName(out string name)
    {
        bool ok = ReadBytes(Protocol.MaxNameBytes, out ReadOnlySpan<byte> bytes);
        name = "";
        if (!ok || !IsName(bytes))
        {
            return Fail();
        }

        name = Encoding.Latin1.GetString(bytes);
        return true;
    }

    /// <summary>Reads a component or nothing (the empty string).</summary>
    public bool ReadOptionalName(out string name)
    {
        bool ok = ReadBytes(Protocol.MaxNameBytes, out ReadOnlySpan<byte> bytes);
        name = "";
        if (!ok || (!bytes.IsEmpty && !IsName(bytes)))
        {
            return Fail();
        }

        name = bytes.IsEmpty ? "" : Encoding.Latin1.GetString(bytes);
        return true;
    }

    /// <summary>Can the bytes be a directory entry?</summary>
    public static bool IsName(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes.Length > Protocol.MaxNameBytes || bytes.IndexOfAny((byte)0, (byte)'/') >= 0)
        {
            return false;
        }

        bool isDot = bytes.Length == 1 && bytes[0] == '.';
        bool isDotDot = bytes.Length == 2 && bytes[0] == '.' && bytes[1] == '.';
        return !isDot && !isDotDot;
    }

    private bool Fail()
    {
        _failed = true;
        _rest = default;
        return false;
    }
}
