using System;
using System.Text;
using Shim;
using Shim.Tasks;

namespace Tests.Shim;

/// <summary>Fuzz entry of the configuration files that users write.</summary>
internal static class ChoiceFuzz
{
    /// <summary>Reads any bytes as a file; true when they are one. Only the refusal that a user sees may come
    /// out.</summary>
    internal static bool Run(ReadOnlySpan<byte> bytes)
    {
        RuntimeChoice choice = new();
        try
        {
            choice.TakeFile("f", Encoding.Latin1.GetString(bytes).Split('\n'));
        }
        catch (ShimException e) when (e.Code == StatusCode.InvalidArgument)
        {
            return false;
        }

        foreach (string flag in choice.Flags)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(flag.IndexOf('=', StringComparison.Ordinal), "--x".Length);
        }

        return true;
    }
}
