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
        bool ok = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value);
        if (!ok || value <= 0 || value > long.MaxValue >> shift)
        {
            throw new UserErrorException(flag + ": " + text + ": not a positive number of bytes");
        }

        return value << shift;
    }
}
