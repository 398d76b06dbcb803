using System;
using System.Globalization;

namespace Sentry.Fs.Proc;

/// <summary>Numbers that programs write to proc files.</summary>
internal static class ProcNumbers
{
    /// <summary>
    /// One number between white space: decimal, 0 octal, 0x hexadecimal, with a sign (lib/kstrtox.c with base 0).
    /// False for anything else and for what does not fit.
    /// </summary>
    internal static bool TryParse(string text, out long value)
    {
        ReadOnlySpan<char> digits = text.AsSpan().Trim(" \n\t\v\f\r\0");
        bool isNegative = digits.StartsWith("-");
        digits = isNegative || digits.StartsWith("+") ? digits[1..] : digits;
        bool fits = TryMagnitude(digits, out long magnitude);
        value = isNegative ? -magnitude : magnitude;
        return fits;
    }

    private static bool TryMagnitude(ReadOnlySpan<char> digits, out long value)
    {
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return long.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
                && value >= 0;
        }

        if (digits.Length < 2 || digits[0] != '0')
        {
            return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        }

        value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value > long.MaxValue >> 3)
            {
                return false;
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }
}
