using System.Text;

namespace Shim.Host;

/// <summary>Text of messages and the host's byte strings, one byte a char.</summary>
internal static class Text
{
    internal static string ToBytes(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
