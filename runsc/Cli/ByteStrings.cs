using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using HostOs;

namespace Runsc.Cli;

/// <summary>
/// The command line and the environment as the kernel passed them, one char per byte: .NET's own strings have lost
/// what is no UTF-8. Text of JSON (UTF-16) becomes the same with <see cref="FromText"/>.
/// </summary>
internal static class ByteStrings
{
    private const int ChunkBytes = 65536;

    /// <summary>The UTF-8 bytes of a text.</summary>
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

    /// <summary>The text of UTF-8 bytes; false when they are none.</summary>
    internal static bool TryToText(string bytes, out string text)
    {
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Encoding.Latin1.GetBytes(bytes));
            return true;
        }
        catch (ArgumentException)
        {
            text = "";
            return false;
        }
    }

    /// <summary>Arguments of this process without the program's name; <paramref name="decoded"/> where there is no
    /// /proc.</summary>
    internal static string[] CommandLine(string[] decoded)
    {
        List<string> words = ReadWords("/proc/self/cmdline");
        return words.Count > 0 ? [.. words[1..]] : [.. FromArguments(decoded)];
    }

    /// <summary>Environment of this process, in order, duplicates kept.</summary>
    internal static List<string> Environment() => ReadWords("/proc/self/environ");

    /// <summary>Value of a variable of this process, or "".</summary>
    internal static string Variable(string name)
    {
        foreach (string entry in Environment())
        {
            if (entry.Length > name.Length && entry[name.Length] == '=' && entry.StartsWith(name,
                StringComparison.Ordinal))
            {
                return entry[(name.Length + 1)..];
            }
        }

        return "";
    }

    /// <summary>The NUL-terminated words of a file.</summary>
    private static List<string> ReadWords(string file)
    {
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec;
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, file, Flags, 0, out int opened) != Errno.None)
        {
            return [];
        }

        using HostFd fd = new(opened);
        StringBuilder text = new();
        byte[] chunk = new byte[ChunkBytes];
        while (HostUnistd.Read(fd.Value, chunk, out int done) == Errno.None && done > 0)
        {
            text.Append(Encoding.Latin1.GetString(chunk, 0, done));
        }

        string[] words = text.ToString().Split('\0');
        return [.. words.AsSpan(0, words.Length - 1)];
    }
}
