using System;
using System.Globalization;
using Abi.Linux;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary>Signals as users write them: number, or name with or without SIG (signal(7)).</summary>
internal static class SignalNames
{
    private static readonly (string Name, int Number)[] s_names =
    [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("IOT", 6), ("BUS", 7), ("FPE", 8),
        ("KILL", 9), ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15),
        ("STKFLT", 16), ("CHLD", 17), ("CLD", 17), ("CONT", 18), ("STOP", 19), ("TSTP", 20), ("TTIN", 21),
        ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25), ("VTALRM", 26), ("PROF", 27), ("WINCH", 28),
        ("IO", 29), ("POLL", 29), ("PWR", 30), ("SYS", 31),
    ];

    private const int Last = Signals.NSIG;

    /// <summary>The number, or a user error.</summary>
    internal static int Parse(string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number <= Last)
        {
            return number;
        }

        string name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        foreach ((string known, int value) in s_names)
        {
            if (known == name)
            {
                return value;
            }
        }

        return TryRealTime(name, out number) ? number
            : throw new UserErrorException("unknown signal \"" + text + "\"");
    }

    /// <summary>RTMIN, RTMIN+n, RTMAX, RTMAX-n as the C library counts them: 34 to 64.</summary>
    private static bool TryRealTime(string name, out int number)
    {
        const int First = 34;
        const int NameLength = 5;
        number = 0;
        if (name.Length < NameLength || name[..NameLength] is not ("RTMIN" or "RTMAX"))
        {
            return false;
        }

        int offset = 0;
        string rest = name[NameLength..];
        const NumberStyles Signed = NumberStyles.AllowLeadingSign;
        bool isNumber = rest.Length == 0 || int.TryParse(rest, Signed, CultureInfo.InvariantCulture, out offset);
        number = (name[..NameLength] == "RTMIN" ? First : Last) + offset;
        return isNumber && number is >= First and <= Last;
    }
}
