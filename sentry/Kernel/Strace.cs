using System;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Mm;
using Sentry.Syscalls;

namespace Sentry.Kernel;

/// <summary>Where trace lines go; called from all task threads.</summary>
public interface IStraceSink
{
    /// <summary>One line without its end.</summary>
    void WriteLine(string line);
}

/// <summary>Prints system calls in the manner of strace(1), from the table's argument formats.</summary>
internal static class Strace
{
    private const int MaxStringBytes = 64;
    private const int MaxPathBytes = 256;

    /// <summary>Calls that may not come back, or much later: their entry has a line of its own.</summary>
    internal static void Entered(Task task, uint number, in SyscallArguments args)
    {
        if (IsEnd(number))
        {
            Write(task, Describe(task, number, args, 0) + " = ?");
        }
        else if (number is SysNr.execve or SysNr.execveat or SysNr.rt_sigreturn)
        {
            Write(task, Describe(task, number, args, 0) + " ...");
        }
    }

    /// <summary>A call has ended.</summary>
    internal static void Left(Task task, uint number, in SyscallArguments args, SyscallResult result)
    {
        // An end that a filter has not refused never comes back to its caller.
        if (!IsEnd(number) || result.IsError)
        {
            Write(task, Describe(task, number, args, result.Value) + " = " + ResultText(result));
        }
    }

    private static bool IsEnd(uint number) => number is SysNr.exit or SysNr.exit_group;

    private static void Write(Task task, string text) =>
        task.Kernel.StraceSink?.WriteLine("[" + task.ThreadGroup.Id + ":" + task.Tid + " " + task.Name + "] " + text);

    private static string ResultText(SyscallResult result)
    {
        if (!result.IsError)
        {
            return result.Value is >= 0 and < 65536
                ? result.Value.ToString(CultureInfo.InvariantCulture)
                : "0x" + result.Value.ToString("x", CultureInfo.InvariantCulture);
        }

        return "-1 " + result.Errno;
    }

    private static string Describe(Task task, uint number, in SyscallArguments args, long result)
    {
        string name = SyscallTable.NameOf(number);
        StringBuilder text = new(name);
        text.Append('(');
        string[] formats = SyscallTable.ArgumentsOf(number).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < formats.Length && i < 6; i++)
        {
            text.Append(i == 0 ? "" : ", ");
            AppendArgument(task, text, formats[i].TrimEnd(','), args, i, result);
        }

        return text.Append(')').ToString();
    }

    private static void AppendArgument(Task task, StringBuilder text, string format, in SyscallArguments args,
        int index, long result)
    {
        switch (format)
        {
            case "fd" when args.Int(index) == Fcntl.AT_FDCWD:
                text.Append("AT_FDCWD");
                break;
            case "fd" or "int" or "pid" or "sig":
                text.Append(args.Int(index));
                break;
            case "uint":
                text.Append(args.UInt(index));
                break;
            case "long" or "off":
                text.Append(args.Long(index));
                break;
            case "size":
                text.Append(args[index]);
                break;
            case "mode":
                text.Append('0').Append(Convert.ToString(args.Int(index), 8));
                break;
            case "path" or "str":
                AppendString(task, text, args.Address(index));
                break;
            case "buf" when index < 5:
                AppendBytes(task, text, args.Address(index), args[index + 1]);
                break;
            case "out":
                AppendBytes(task, text, args.Address(index), (ulong)Math.Max(result, 0));
                break;
            case "time":
                AppendTime(task, text, args.Address(index));
                break;
            case "sigset":
                AppendSet(task, text, args.Address(index));
                break;
            default:
                AppendHex(text, args[index]);
                break;
        }
    }

    private static void AppendHex(StringBuilder text, ulong value) =>
        text.Append(value == 0 ? "0" : "0x" + value.ToString("x", CultureInfo.InvariantCulture));

    private static void AppendString(Task task, StringBuilder text, GuestAddress address)
    {
        Span<char> buffer = stackalloc char[MaxPathBytes];
        if (address.IsNull || task.PeekMm() is not { } mm || mm.ReadString(address, buffer,
            out int length) != Errno.None)
        {
            AppendHex(text, address.Value);
            return;
        }

        AppendQuoted(text, buffer[..length]);
    }

    private static void AppendBytes(Task task, StringBuilder text, GuestAddress address, ulong length)
    {
        Span<byte> bytes = stackalloc byte[MaxStringBytes];
        bytes = bytes[..(int)Math.Min(length, MaxStringBytes)];
        if (address.IsNull || task.PeekMm() is not { } mm || mm.CopyIn(address, bytes) != Errno.None)
        {
            AppendHex(text, address.Value);
            return;
        }

        Span<char> chars = stackalloc char[bytes.Length];
        Encoding.Latin1.GetChars(bytes, chars);
        AppendQuoted(text, chars);
        text.Append(length > MaxStringBytes ? "..." : "");
    }

    private static void AppendTime(Task task, StringBuilder text, GuestAddress address)
    {
        if (address.IsNull || task.PeekMm() is not { } mm || mm.Read(address, out Timespec time) != Errno.None)
        {
            AppendHex(text, address.Value);
            return;
        }

        text.Append('{').Append(time.tv_sec).Append(", ").Append(time.tv_nsec).Append('}');
    }

    private static void AppendSet(Task task, StringBuilder text, GuestAddress address)
    {
        if (address.IsNull || task.PeekMm() is not { } mm || mm.Read(address, out ulong set) != Errno.None)
        {
            AppendHex(text, address.Value);
            return;
        }

        text.Append('[');
        for (int signal = 1; signal <= Signals.NSIG; signal++)
        {
            text.Append(SignalSets.Contains(set, signal) ? signal + " " : "");
        }

        text.Append(']');
    }

    private static void AppendQuoted(StringBuilder text, ReadOnlySpan<char> chars)
    {
        text.Append('"');
        foreach (char c in chars)
        {
            switch (c)
            {
                case '\n':
                    text.Append("\\n");
                    break;
                case '"' or '\\':
                    text.Append('\\').Append(c);
                    break;
                case < ' ' or > '~':
                    text.Append("\\x").Append(((int)c).ToString("x2", CultureInfo.InvariantCulture));
                    break;
                default:
                    text.Append(c);
                    break;
            }
        }

        text.Append('"');
    }
}
