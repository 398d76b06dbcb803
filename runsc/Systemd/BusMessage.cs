using System;
using System.Buffers.Binary;
using System.Text;

namespace Runsc.Systemd;

/// <summary>A message of the bus as far as it matters here (D-Bus Specification, "Message Protocol").</summary>
/// <param name="Kind">What it is.</param>
/// <param name="ReplySerial">Of answers: the call's number.</param>
/// <param name="Member">Of signals: the name.</param>
/// <param name="Error">Of errors: the name.</param>
/// <param name="Signature">Types of the body.</param>
/// <param name="Body">Values.</param>
internal sealed record BusMessage(
    BusKind Kind, uint ReplySerial, string Member, string Error, string Signature, byte[] Body)
{
    /// <summary>What says how long the whole is.</summary>
    internal const int FixedBytes = 16;

    private const int Alignment = 8;
    private const int MaxBytes = 1 << 20;
    private const int MaxFieldBytes = 1 << 16;

    /// <summary>The length of the message that begins like this; 0 for what is none, or longer than any from a service
    /// manager.</summary>
    internal static int LengthOf(ReadOnlySpan<byte> first)
    {
        const byte LittleEndian = (byte)'l';
        const byte Version = 1;
        if (first.Length < FixedBytes || first[0] != LittleEndian || first[3] != Version)
        {
            return 0;
        }

        uint body = BinaryPrimitives.ReadUInt32LittleEndian(first[4..]);
        uint fields = BinaryPrimitives.ReadUInt32LittleEndian(first[12..]);
        return body > MaxBytes || fields > MaxFieldBytes ? 0
            : FixedBytes + (((int)fields + Alignment - 1) & ~(Alignment - 1)) + (int)body;
    }

    /// <summary>Reads a whole message; null for what is none.</summary>
    internal static BusMessage? Parse(ReadOnlySpan<byte> bytes)
    {
        const int ReplySerialField = 5;
        const int MemberField = 3;
        const int ErrorField = 4;
        const int SignatureField = 8;
        if (LengthOf(bytes) != bytes.Length || bytes.Length == 0)
        {
            return null;
        }

        int bodyBytes = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        int end = FixedBytes + (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        uint serial = 0;
        string member = "";
        string error = "";
        string signature = "";
        BusReader reader = new(bytes[..end], FixedBytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryField(out byte code, out string text, out uint number))
            {
                return null;
            }

            serial = code == ReplySerialField ? number : serial;
            member = code == MemberField ? text : member;
            error = code == ErrorField ? text : error;
            signature = code == SignatureField ? text : signature;
        }

        return new BusMessage((BusKind)bytes[1], serial, member, error, signature, bytes[^bodyBytes..].ToArray());
    }

    /// <summary>The strings that the body begins with, after <paramref name="numbers"/> 32-bit numbers; "" for those
    /// that are not there.</summary>
    internal string[] Strings(int numbers, int count)
    {
        string[] result = new string[count];
        BusReader reader = new(Body, 0);
        bool isThere = true;
        for (int i = 0; i < numbers; i++)
        {
            isThere = isThere && reader.TryUInt32(out _);
        }

        for (int i = 0; i < count; i++)
        {
            string text = "";
            isThere = isThere && reader.TryString(out text);
            result[i] = isThere ? text : "";
        }

        return result;
    }

    /// <summary>Reads values one after the other; false where the bytes end too early.</summary>
    private ref struct BusReader(ReadOnlySpan<byte> bytes, int at)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private int _at = at;

        internal readonly bool IsAtEnd => _at >= _bytes.Length;

        internal bool TryUInt32(out uint value)
        {
            value = 0;
            Align(sizeof(uint));
            if (_at > _bytes.Length - sizeof(uint))
            {
                return false;
            }

            value = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[_at..]);
            _at += sizeof(uint);
            return true;
        }

        internal bool TryString(out string text)
        {
            text = "";
            return TryUInt32(out uint length) && TryText(length, out text);
        }

        /// <summary>A field of the header: its code, and a value of one of the types that those have.</summary>
        internal bool TryField(out byte code, out string text, out uint number)
        {
            code = 0;
            text = "";
            number = 0;
            Align(Alignment);
            if (!TryByte(out code) || !TrySignature(out string type))
            {
                return false;
            }

            return type switch
            {
                "s" or "o" => TryString(out text),
                "g" => TrySignature(out text),
                "u" => TryUInt32(out number),
                _ => false,
            };
        }

        private bool TrySignature(out string text)
        {
            text = "";
            return TryByte(out byte length) && TryText(length, out text);
        }

        private bool TryByte(out byte value)
        {
            value = _at < _bytes.Length ? _bytes[_at] : (byte)0;
            return _at++ < _bytes.Length;
        }

        /// <summary>So many bytes and a zero.</summary>
        private bool TryText(uint length, out string text)
        {
            text = "";
            if (length >= _bytes.Length - _at)
            {
                return false;
            }

            text = Encoding.Latin1.GetString(_bytes.Slice(_at, (int)length));
            _at += (int)length + 1;
            return true;
        }

        private void Align(int boundary) => _at = (_at + boundary - 1) & ~(boundary - 1);
    }
}

/// <summary>What a message is.</summary>
internal enum BusKind : byte
{
    Call = 1,
    Answer = 2,
    Error = 3,
    Signal = 4,
}
