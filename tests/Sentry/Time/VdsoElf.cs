using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;

namespace Tests.Sentry.Time;

/// <summary>
/// Reads a shared object the way a C library reads the vDSO: program headers, dynamic section, DT_HASH, symbol
/// versions.
/// </summary>
internal sealed class VdsoElf
{
    private const int DynamicSegment = 2;
    private const int LoadSegment = 1;
    private readonly byte[] _image;
    private readonly Dictionary<long, long> _dynamic = new();

    public VdsoElf(byte[] image)
    {
        _image = image;
        Segments = ReadSegments();
        Segment dynamic = Segments.Find(segment => segment.Type == DynamicSegment);
        for (int at = (int)dynamic.Offset; ; at += 16)
        {
            long tag = Long(at);
            if (tag == 0)
            {
                break;
            }

            _dynamic.Add(tag, Long(at + 8));
        }
    }

    public readonly record struct Segment(int Type, int Flags, long Offset, long Address, long FileBytes,
        long MemoryBytes);

    public readonly record struct Symbol(long Value, byte Info, ushort Section, string Version);

    public List<Segment> Segments { get; }

    public Segment Load => Segments.Find(segment => segment.Type == LoadSegment);

    public bool HasTag(long tag) => _dynamic.ContainsKey(tag);

    public string SoName => String((int)(_dynamic[5] + _dynamic[14]));

    /// <summary>Looks a name up through DT_HASH (gABI, "Hash Table"); null when it is not there.</summary>
    public Symbol? Find(string name)
    {
        int hash = (int)_dynamic[4];
        uint buckets = UInt(hash);
        uint index = UInt(hash + 8 + (int)(4 * (Hash(name) % buckets)));
        for (; index != 0; index = UInt(hash + 8 + (int)(4 * (buckets + index))))
        {
            int at = (int)(_dynamic[6] + (index * 24));
            if (String((int)(_dynamic[5] + UInt(at))) == name)
            {
                return new Symbol(Long(at + 8), _image[at + 4], UShort(at + 6), VersionOf(index));
            }
        }

        return null;
    }

    private static uint Hash(string name)
    {
        uint hash = 0;
        foreach (byte c in Encoding.ASCII.GetBytes(name))
        {
            hash = (hash << 4) + c;
            uint high = hash & 0xf0000000;
            hash ^= high >> 24;
            hash &= ~high;
        }

        return hash;
    }

    private string VersionOf(uint symbol)
    {
        ushort wanted = (ushort)(UShort((int)(_dynamic[0x6ffffff0] + (2 * symbol))) & 0x7fff);
        int at = (int)_dynamic[0x6ffffffc];
        for (long left = _dynamic[0x6ffffffd]; left > 0; left--)
        {
            int name = at + (int)UInt(at + 12);
            string text = String((int)(_dynamic[5] + UInt(name)));
            if (UShort(at + 4) == wanted)
            {
                return UInt(at + 8) == Hash(text) ? text : "hash of " + text + " is wrong";
            }

            at += (int)UInt(at + 16);
        }

        return "";
    }

    private List<Segment> ReadSegments()
    {
        List<Segment> result = new();
        int first = (int)Long(32);
        int size = UShort(54);
        for (int i = 0; i < UShort(56); i++)
        {
            int at = first + (i * size);
            result.Add(new Segment(
                (int)UInt(at), (int)UInt(at + 4), Long(at + 8), Long(at + 16), Long(at + 32), Long(at + 40)));
        }

        return result;
    }

    private string String(int at)
    {
        int end = Array.IndexOf(_image, (byte)0, at);
        return Encoding.ASCII.GetString(_image, at, end - at);
    }

    private long Long(int at) => BinaryPrimitives.ReadInt64LittleEndian(_image.AsSpan(at));

    private uint UInt(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_image.AsSpan(at));

    private ushort UShort(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_image.AsSpan(at));
}
