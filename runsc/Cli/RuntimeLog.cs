using System;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary>The log that engines read errors from (<c>--log</c>, <c>--log-format</c>): one entry a line, appended by
/// one
/// write.</summary>
internal static class RuntimeLog
{
    private static string? s_file;
    private static bool s_isJson;

    /// <summary>Value of <c>--debug-log</c>, or null.</summary>
    internal static string? DebugLog { get; private set; }

    /// <summary>Looks for the flags before anything is parsed: a rejected command line is logged too. A log that cannot
    /// be written, and a format that nobody knows, are user errors, as with runc.</summary>
    internal static void Find(ReadOnlySpan<string> args)
    {
        string? unknown = null;
        for (int i = 0; i < args.Length; i++)
        {
            string word = args[i];
            if (word.Length == 0 || word[0] != '-')
            {
                break;
            }

            if (TryValue(args, i, "--log", out string? file))
            {
                s_file = file;
            }
            else if (TryValue(args, i, "--log-format", out string? format))
            {
                s_isJson = format == "json";
                unknown = format is "json" or "text" or "" ? unknown : format;
            }
            else if (TryValue(args, i, "--debug-log", out string? debugLog))
            {
                DebugLog = debugLog;
            }

            i += word.Contains('=') || !GlobalFlags.TakesValue(word) ? 0 : 1;
        }

        Check(unknown);
    }

    private static void Check(string? unknownFormat)
    {
        if (s_file is { Length: > 0 } file)
        {
            Errno errno = Open(file, out int opened);
            if (errno != Errno.None)
            {
                s_file = null;
                throw new UserErrorException("--log: " + file + ": " + ErrorText.Describe(errno));
            }

            HostUnistd.Close(opened);
        }

        if (unknownFormat is not null)
        {
            throw new UserErrorException("--log-format: " + unknownFormat + ": neither text nor json");
        }
    }

    /// <summary>Never waits: a FIFO that nobody reads is ENXIO.</summary>
    private static Errno Open(string file, out int opened)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Append | HostFcntl.CloseOnExec
            | HostFcntl.NonBlock;
        const int EveryoneReads = 0x1A4;
        return HostFcntl.OpenAt(HostFcntl.AtFdCwd, file, Flags, EveryoneReads, out opened);
    }

    /// <summary>Appends an entry, when there is a log.</summary>
    internal static void Write(string level, string message)
    {
        if (s_file is not { Length: > 0 } file || Open(file, out int opened) != Errno.None)
        {
            return;
        }

        using HostFd fd = new(opened);
        string time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        string text = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(message));
        HostUnistd.WriteAll(opened, s_isJson ? Json(level, text, time)
            : Encoding.UTF8.GetBytes("time=\"" + time + "\" level=" + level + " msg=" + Quote(text) + "\n"));
    }

    private static byte[] Json(string level, string message, string time)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("level", level);
            writer.WriteString("msg", message);
            writer.WriteString("time", time);
            writer.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static string Quote(string text) => "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + "\"";

    private static bool TryValue(ReadOnlySpan<string> args, int index, string flag, out string? value)
    {
        string word = args[index];
        bool isNext = word == flag && index + 1 < args.Length;
        bool isInside = word.StartsWith(flag + "=", StringComparison.Ordinal);
        value = isNext ? args[index + 1] : isInside ? word[(flag.Length + 1)..] : null;
        return value is not null;
    }
}
