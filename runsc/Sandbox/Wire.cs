using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Numerics;
using System.Text;

namespace Runsc.Sandbox;

/// <summary>
/// What passes between launcher and Sentry, two processes of one executable that come up together: the members one
/// after the other, without names. One method of each type carries its members in both directions (see
/// <see cref="ICarried"/>). Strings are byte strings.
/// </summary>
internal abstract class Wire
{
    /// <summary>A number goes out, or comes in instead.</summary>
    internal abstract long Number(long value);

    /// <summary>A byte string goes out, or comes in instead.</summary>
    internal abstract string Text(string value);

    internal bool Flag(bool value) => Number(value ? 1 : 0) != 0;

    internal ulong Bits(ulong value) => (ulong)Number((long)value);

    internal int Int(int value) => (int)Number(value);

    internal uint UInt(uint value) => (uint)Number(value);

    internal string? OptionalText(string? value) => Flag(value is not null) ? Text(value ?? "") : null;

    internal byte[] Bytes(byte[] value) => Encoding.Latin1.GetBytes(Text(Encoding.Latin1.GetString(value)));

    /// <summary>A list of numbers.</summary>
    internal List<T> Numbers<T>(List<T> values)
        where T : unmanaged, IBinaryInteger<T>
    {
        int count = Count(values.Count);
        List<T> result = new(count);
        for (int i = 0; i < count; i++)
        {
            result.Add(T.CreateTruncating(Number(i < values.Count ? long.CreateTruncating(values[i]) : 0)));
        }

        return result;
    }

    /// <summary>A list of byte strings.</summary>
    internal List<string> Texts(List<string> values)
    {
        int count = Count(values.Count);
        List<string> result = new(count);
        for (int i = 0; i < count; i++)
        {
            result.Add(Text(i < values.Count ? values[i] : ""));
        }

        return result;
    }

    /// <summary>A list of things that carry themselves.</summary>
    internal List<T> Items<T>(List<T> values, Func<T> make)
        where T : class, ICarried
    {
        int count = Count(values.Count);
        List<T> result = new(count);
        for (int i = 0; i < count; i++)
        {
            T item = i < values.Count ? values[i] : make();
            item.Carry(this);
            result.Add(item);
        }

        return result;
    }

    /// <summary>How many follow; never more than there are bytes.</summary>
    private protected abstract int Count(int value);
}

/// <summary>What can pass over a <see cref="Wire"/>.</summary>
internal interface ICarried
{
    /// <summary>Gives every member to the wire and takes what it gives back: the same, or what came in.</summary>
    void Carry(Wire wire);
}

/// <summary>The sending end: collects bytes.</summary>
internal sealed class WireWriter : Wire
{
    private const int FirstBytes = 4096;

    private byte[] _bytes = new byte[FirstBytes];
    private int _length;

    /// <summary>The bytes of one thing.</summary>
    internal static byte[] Write(ICarried carried)
    {
        WireWriter writer = new();
        carried.Carry(writer);
        return writer._bytes.AsSpan(0, writer._length).ToArray();
    }

    internal override long Number(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Room(sizeof(long)), value);
        return value;
    }

    internal override string Text(string value)
    {
        Number(value.Length);
        Encoding.Latin1.GetBytes(value, Room(value.Length));
        return value;
    }

    private protected override int Count(int value) => (int)Number(value);

    private Span<byte> Room(int bytes)
    {
        if (bytes > _bytes.Length - _length)
        {
            Array.Resize(ref _bytes, checked(Math.Max(_bytes.Length * 2, _length + bytes)));
        }

        _length += bytes;
        return _bytes.AsSpan(_length - bytes, bytes);
    }
}

/// <summary>The receiving end. What is missing or impossible reads as 0 or "" and is remembered.</summary>
internal sealed class WireReader : Wire
{
    private readonly byte[] _bytes;
    private int _at;
    private bool _isBroken;

    private WireReader(byte[] bytes) => _bytes = bytes;

    /// <summary>Fills <paramref name="carried"/>; false when the bytes are not exactly one such thing.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> bytes, ICarried carried)
    {
        WireReader reader = new(bytes.ToArray());
        carried.Carry(reader);
        return !reader._isBroken && reader._at == reader._bytes.Length;
    }

    internal override long Number(long value)
    {
        if (_bytes.Length - _at < sizeof(long))
        {
            Break();
            return 0;
        }

        _at += sizeof(long);
        return BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(_at - sizeof(long)));
    }

    internal override string Text(string value)
    {
        int length = Count(0);
        _at += length;
        return Encoding.Latin1.GetString(_bytes, _at - length, length);
    }

    private protected override int Count(int value)
    {
        long count = Number(0);
        if (count >= 0 && count <= _bytes.Length - _at)
        {
            return (int)count;
        }

        Break();
        return 0;
    }

    private void Break()
    {
        _isBroken = true;
        _at = _bytes.Length;
    }
}
