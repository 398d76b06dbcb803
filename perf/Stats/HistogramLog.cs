using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.IO.Compression;
using System.Text;

namespace Perf.Stats;

/// <summary>
/// Histograms as text that HdrHistogram's own tools read: log format 1.3 with V2 compressed histograms. A histogram is
/// a header of 40 bytes and its counts as ZigZag LEB128 numbers, where a negative number is a run of empty cells;
/// compressed with zlib, behind a header of 8 bytes, in base64. All numbers are big-endian.
/// </summary>
internal static class HistogramLog
{
    private const int Cookie = 0x1c849313;
    private const int CompressedCookie = 0x1c849314;
    private const int HeaderBytes = 40;
    private const double NanosecondsPerUnit = 1e6;

    /// <summary>Writes one line a histogram, with its tag. Tags hold neither commas nor white space.</summary>
    internal static void Write(TextWriter writer, DateTime start, IEnumerable<(string Tag, Histogram Counts)> all)
    {
        double seconds = (start - DateTime.UnixEpoch).TotalSeconds;
        writer.Write("#[Histogram log format version 1.3]\n");
        writer.Write(Invariant($"#[StartTime: {seconds:0.000} (seconds since epoch), "));
        writer.Write(Invariant($"{start:yyyy-MM-dd HH:mm:ss} UTC]\n"));
        writer.Write("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
        foreach ((string tag, Histogram counts) in all)
        {
            string maximum = Invariant($"{counts.Maximum / NanosecondsPerUnit:0.000}");
            writer.Write($"Tag={tag},0.000,1.000,{maximum},{Encode(counts)}\n");
        }
    }

    /// <summary>Reads what <see cref="Write"/> or another tool wrote; a line without a tag has the tag "".</summary>
    internal static List<(string Tag, Histogram Counts)> Read(TextReader reader)
    {
        List<(string, Histogram)> all = [];
        while (reader.ReadLine() is string line)
        {
            if (line.Length == 0 || line[0] is '#' or '"')
            {
                continue;
            }

            string[] fields = line.Split(',');
            string tag = fields[0].StartsWith("Tag=", StringComparison.Ordinal) ? fields[0][4..] : "";
            all.Add((tag, Decode(fields[^1])));
        }

        return all;
    }

    internal static string Encode(Histogram histogram)
    {
        List<byte> counts = [];
        ReadOnlySpan<long> used = histogram.Used;
        for (int i = 0; i < used.Length; i++)
        {
            int empty = 0;
            while (used[i + empty] == 0)
            {
                empty++;
            }

            AppendNumber(counts, empty > 1 ? -empty : used[i]);
            i += Math.Max(0, empty - 1);
        }

        byte[] plain = new byte[HeaderBytes + counts.Count];
        BinaryPrimitives.WriteInt32BigEndian(plain, Cookie);
        BinaryPrimitives.WriteInt32BigEndian(plain.AsSpan(4), counts.Count);
        BinaryPrimitives.WriteInt32BigEndian(plain.AsSpan(12), Histogram.Digits);
        BinaryPrimitives.WriteInt64BigEndian(plain.AsSpan(16), 1);
        BinaryPrimitives.WriteInt64BigEndian(plain.AsSpan(24), Math.Max(2, histogram.Maximum));
        BinaryPrimitives.WriteDoubleBigEndian(plain.AsSpan(32), 1);
        counts.CopyTo(plain, HeaderBytes);
        using MemoryStream packed = new();
        packed.Write(new byte[8]);
        using (ZLibStream zlib = new(packed, CompressionLevel.Optimal, true))
        {
            zlib.Write(plain);
        }

        byte[] bytes = packed.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bytes, CompressedCookie);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), bytes.Length - 8);
        return Convert.ToBase64String(bytes);
    }

    /// <summary>The histogram of an encoded text; a <see cref="FormatException"/> if it is none, or one of another
    /// precision or scale.</summary>
    internal static Histogram Decode(string text)
    {
        byte[] bytes = Convert.FromBase64String(text);
        if (bytes.Length < 8 || BinaryPrimitives.ReadInt32BigEndian(bytes) != CompressedCookie)
        {
            throw new FormatException("not a V2 compressed histogram");
        }

        using ZLibStream zlib = new(new MemoryStream(bytes, 8, bytes.Length - 8), CompressionMode.Decompress);
        using MemoryStream plain = new();
        zlib.CopyTo(plain);
        byte[] body = plain.ToArray();
        if (body.Length < HeaderBytes || BinaryPrimitives.ReadInt32BigEndian(body) != Cookie
            || BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(12)) != Histogram.Digits
            || BinaryPrimitives.ReadInt64BigEndian(body.AsSpan(16)) != 1)
        {
            throw new FormatException("a histogram of another kind, precision or scale");
        }

        Histogram histogram = new();
        int end = Math.Min(body.Length, HeaderBytes + BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(4)));
        int at = HeaderBytes;
        int index = 0;
        while (at < end)
        {
            long number = ReadNumber(body, ref at);
            if (number > 0)
            {
                histogram.Record(Histogram.HighestOf(index), number);
            }

            index += number < 0 ? checked((int)-number) : 1;
        }

        return histogram;
    }

    /// <summary>ZigZag, then seven bits a byte, low bits first; a ninth byte holds eight.</summary>
    private static void AppendNumber(List<byte> bytes, long number)
    {
        ulong rest = (ulong)((number << 1) ^ (number >> 63));
        for (int i = 0; i < 8 && rest >= 0x80; i++)
        {
            bytes.Add((byte)(rest | 0x80));
            rest >>= 7;
        }

        bytes.Add((byte)rest);
    }

    private static long ReadNumber(byte[] bytes, ref int at)
    {
        const int LastShift = 56;
        ulong value = 0;
        for (int shift = 0; shift <= LastShift; shift += 7)
        {
            if (at >= bytes.Length)
            {
                throw new FormatException("a histogram that ends inside a number");
            }

            byte next = bytes[at++];
            value |= (ulong)(shift == LastShift ? next : next & 0x7f) << shift;
            if (next < 0x80)
            {
                break;
            }
        }

        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
