using System;
using System.Text;
using Abi.Linux;

namespace Sentry.Loader;

/// <summary>The first line of a script, "#!interpreter [argument]" (execve(2), "Interpreter scripts").</summary>
public readonly record struct ScriptLine(string Interpreter, string? Argument)
{
    /// <summary>Bytes of a program that execve looks at (BINPRM_BUF_SIZE).</summary>
    public const int MaxBytes = 256;

    /// <summary>True when the bytes begin a script at all.</summary>
    public static bool IsScript(ReadOnlySpan<byte> start) => start.Length >= 2 && start[0] == '#' && start[1] == '!';

    /// <summary>
    /// Takes the line apart (fs/binfmt_script.c): ENOEXEC when there is no interpreter, or when its name may have
    /// been cut off at <see cref="MaxBytes"/>.
    /// A cut-off argument is passed on as it is.
    /// </summary>
    public static Errno Parse(ReadOnlySpan<byte> start, out ScriptLine line)
    {
        line = default;
        start = start[..Math.Min(start.Length, MaxBytes)];
        ReadOnlySpan<byte> text = start[2..];
        int end = text.IndexOf((byte)'\n');
        bool isCut = end < 0 && start.Length == MaxBytes;
        text = end >= 0 ? text[..end] : text;
        int nul = text.IndexOf((byte)0);
        isCut &= nul < 0;
        text = isCut ? text[..^1] : text;
        text = nul >= 0 ? text[..nul] : text;
        text = text.Trim(" \t"u8);
        if (text.IsEmpty)
        {
            return Errno.ENOEXEC;
        }

        int space = text.IndexOfAny((byte)' ', (byte)'\t');
        if (space < 0 && isCut)
        {
            return Errno.ENOEXEC;
        }

        string interpreter = Encoding.Latin1.GetString(space < 0 ? text : text[..space]);
        string? argument = space < 0 ? null : Encoding.Latin1.GetString(text[space..].Trim(" \t"u8));
        line = new ScriptLine(interpreter, argument);
        return Errno.None;
    }
}
