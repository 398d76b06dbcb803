using System;
using System.Globalization;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary>Byte counts as users write them.</summary>
internal static class Sizes
{
    /// <summary>Bytes; suffixes K, M, G are powers of 1024; null is 0.</summary>
    internal static long Parse(string flag, string? text)
    {
        if (text is null)
        {
            return 0;
        }

        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30,
            _ => 0 };
        string digits = shift == 0 ? text : text[..^1];

        // A part of a unit is a number of bytes too: 1.5G.
        string[] parts = digits.Split('.');
        bool isNumber = digits.Length > 0 && parts.Length <= (shift == 0 ? 1 : 2)
            && Array.TrueForAll(parts, static part => part.Length > 0
                && part.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0);
        bool fits = decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out decimal number) && number <= long.MaxValue >> shift;
        long value = isNumber && fits ? (long)(number * (1L << shift)) : 0;
        if (!isNumber || (fits && value == 0))
        {
            throw new UserErrorException(flag + ": " + text + ": not a positive number of bytes");
        }

        if (!fits)
        {
            throw new UserErrorException(flag + ": " + text + ": more bytes than there can be");
        }

        return value;
    }

    /// <summary>Rejects a memory limit that no sandbox can live with.</summary>
    internal static long CheckMemory(string where, long bytes)
    {
        const long LeastBytes = 1 << 20;
        return bytes is <= 0 or >= LeastBytes ? bytes
            : throw new UserErrorException(where + ": " + bytes + " bytes: a sandbox needs at least " + LeastBytes);
    }
}
