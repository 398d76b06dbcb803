using System;
using System.Text;
using HostOs;

namespace Runsc.Cli;

/// <summary>Standard output as bytes.</summary>
internal static class Output
{
    private const int StandardOutput = 1;

    /// <summary>Writes it and a line end.</summary>
    internal static void Write(ReadOnlySpan<byte> bytes) =>
        HostUnistd.WriteAll(StandardOutput, [.. bytes, (byte)'\n']);

    /// <summary>Writes a byte string as it is.</summary>
    internal static void Write(string bytes) => HostUnistd.WriteAll(StandardOutput, Encoding.Latin1.GetBytes(bytes));
}
