using System;
using Runsc.Systemd;

namespace Tests.Runsc;

/// <summary>Fuzz entry of what comes over systemd's socket.</summary>
internal static class BusFuzz
{
    /// <summary>Reads any bytes as a message; true when they are one.</summary>
    internal static bool Run(ReadOnlySpan<byte> bytes)
    {
        BusMessage? message = BusMessage.Parse(bytes);
        foreach (string text in message?.Strings(1, 3) ?? [])
        {
            ArgumentNullException.ThrowIfNull(text);
        }

        return message is not null;
    }
}
