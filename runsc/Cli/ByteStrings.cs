using System.Collections.Generic;
using System.Text;

namespace Runsc.Cli;

/// <summary>Text of the command line and of JSON (UTF-16) to the Sentry's byte strings: the UTF-8 bytes, one per
/// char.</summary>
internal static class ByteStrings
{
    internal static string FromText(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    internal static List<string> FromArguments(IEnumerable<string> texts)
    {
        List<string> result = [];
        foreach (string text in texts)
        {
            result.Add(FromText(text));
        }

        return result;
    }
}
