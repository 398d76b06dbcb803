using System;
using System.Text;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary>Standard output as bytes. What cannot be written is a user error.</summary>
internal static class Output
{
    private const int StandardOutput = 1;

    /// <summary>Writes it and a line end.</summary>
    internal static void Write(ReadOnlySpan<byte> bytes) => WriteAll([.. bytes, (byte)'\n']);

    /// <summary>Writes a byte string as it is.</summary>
    internal static void Write(string bytes) => WriteAll(Encoding.Latin1.GetBytes(bytes));

    private static void WriteAll(byte[] bytes)
    {
        Errno errno = HostUnistd.WriteAll(StandardOutput, bytes);
        if (errno != Errno.None)
        {
            throw new UserErrorException("standard output: " + ErrorText.Describe(errno));
        }
    }
}
