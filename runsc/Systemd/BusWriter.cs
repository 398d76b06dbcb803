using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;

namespace Runsc.Systemd;

/// <summary>Values in D-Bus's little-endian form, each at a multiple of its own size (D-Bus Specification,
/// "Marshaling"). Text is byte strings.</summary>
internal sealed class BusWriter
{
    private const int StructAlignment = 8;

    private readonly List<byte> _bytes = [];

    internal byte[] ToArray() => [.. _bytes];

    internal void Align(int boundary)
    {
        while (_bytes.Count % boundary != 0)
        {
            _bytes.Add(0);
        }
    }

    internal void Byte(byte value) => _bytes.Add(value);

    internal void UInt32(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Align(sizeof(uint));
        _bytes.AddRange(bytes);
    }

    internal void UInt64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Align(sizeof(ulong));
        _bytes.AddRange(bytes);
    }

    internal void Boolean(bool value) => UInt32(value ? 1U : 0U);

    /// <summary>Also an object path.</summary>
    internal void String(string text)
    {
        UInt32((uint)text.Length);
        _bytes.AddRange(Encoding.Latin1.GetBytes(text));
        _bytes.Add(0);
    }

    internal void Signature(string text)
    {
        _bytes.Add((byte)text.Length);
        _bytes.AddRange(Encoding.Latin1.GetBytes(text));
        _bytes.Add(0);
    }

    /// <summary>Begins an array whose elements stand at multiples of <paramref name="boundary"/>.</summary>
    internal (int Length, int First) BeginArray(int boundary)
    {
        UInt32(0);
        int length = _bytes.Count - sizeof(uint);
        Align(boundary);
        return (length, _bytes.Count);
    }

    /// <summary>Begins an array of structures.</summary>
    internal (int Length, int First) BeginStructs() => BeginArray(StructAlignment);

    internal void EndArray((int Length, int First) array)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)(_bytes.Count - array.First));
        for (int i = 0; i < bytes.Length; i++)
        {
            _bytes[array.Length + i] = bytes[i];
        }
    }

    /// <summary>Begins a structure of a name and a variant, whose value follows.</summary>
    internal void BeginProperty(string name, string signature)
    {
        Align(StructAlignment);
        String(name);
        Signature(signature);
    }

    internal void Property(string name, string value)
    {
        BeginProperty(name, "s");
        String(value);
    }

    internal void Property(string name, ulong value)
    {
        BeginProperty(name, "t");
        UInt64(value);
    }

    /// <summary>A property that is true.</summary>
    internal void Flag(string name)
    {
        BeginProperty(name, "b");
        Boolean(true);
    }
}
