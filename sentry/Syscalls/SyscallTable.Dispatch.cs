using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Syscalls;

/// <summary>One line of the table.</summary>
public unsafe struct SyscallEntry
{
    /// <summary>x86-64 system-call number.</summary>
    public int Number;

    /// <summary>Linux's name.</summary>
    public string Name;

    /// <summary>Handler; never null.</summary>
    public delegate* managed<Task, in SyscallArguments, SyscallResult> Handler;

    /// <summary>Argument formats for strace, see <see cref="SyscallTable"/>.</summary>
    public string Arguments;

    /// <summary>How complete it is.</summary>
    public SyscallLevel Level;

    /// <summary>What is missing, or why it is an error.</summary>
    public string Note;
}

public static unsafe partial class SyscallTable
{
    private const int TableSize = 512;
    private const string UnknownName = "unknown";

    private static readonly SyscallEntry[] s_byNumber = BuildByNumber();

    /// <summary>All entries in the order of their numbers.</summary>
    public static ReadOnlySpan<SyscallEntry> Entries => s_entries;

    /// <summary>The entry for a number as the guest put it in RAX; numbers without one answer ENOSYS.</summary>
    public static ref readonly SyscallEntry Lookup(ulong number) =>
        ref s_byNumber[number < TableSize ? (int)number : TableSize - 1];

    /// <summary>Linux's name of a call, or its number.</summary>
    public static string NameOf(uint number) =>
        Lookup(number).Name == UnknownName ? "syscall_" + number : Lookup(number).Name;

    /// <summary>Argument formats of a call; "hex" for all of one that is not here.</summary>
    public static string ArgumentsOf(uint number) =>
        Lookup(number).Arguments.Length == 0 && Lookup(number).Level is SyscallLevel.Missing or SyscallLevel.Error
            ? "hex hex hex hex hex hex"
            : Lookup(number).Arguments;

    private static SyscallEntry Full(
        int number,
        string name,
        delegate* managed<Task, in SyscallArguments, SyscallResult> handler,
        string arguments) =>
        new() { Number = number, Name = name, Handler = handler, Arguments = arguments, Level = SyscallLevel.Full,
            Note = "" };

    private static SyscallEntry Partial(
        int number,
        string name,
        delegate* managed<Task, in SyscallArguments, SyscallResult> handler,
        string arguments,
        string note) =>
        new() { Number = number, Name = name, Handler = handler, Arguments = arguments, Level = SyscallLevel.Partial,
            Note = note };

    private static SyscallEntry Missing(int number, string name) =>
        new() { Number = number, Name = name, Handler = &NoSystemCall, Arguments = "", Level = SyscallLevel.Missing,
            Note = "" };

    private static SyscallEntry Error(
        int number,
        string name,
        delegate* managed<Task, in SyscallArguments, SyscallResult> handler,
        string note) =>
        new() { Number = number, Name = name, Handler = handler, Arguments = "", Level = SyscallLevel.Error, Note =
            note };

    private static SyscallResult NoSystemCall(Task task, in SyscallArguments args) => Errno.ENOSYS;

    private static SyscallResult NotPermitted(Task task, in SyscallArguments args) => Errno.EPERM;

    private static SyscallResult NotSupported(Task task, in SyscallArguments args) => Errno.EOPNOTSUPP;

    private static SyscallResult AccessDenied(Task task, in SyscallArguments args) => Errno.EACCES;

    private static SyscallResult BadDescriptor(Task task, in SyscallArguments args) => Errno.EBADF;

    private static SyscallEntry[] BuildByNumber()
    {
        SyscallEntry[] table = new SyscallEntry[TableSize];
        for (int number = 0; number < TableSize; number++)
        {
            table[number] = Missing(number, UnknownName);
        }

        foreach (SyscallEntry entry in s_entries)
        {
            table[entry.Number] = entry;
        }

        return table;
    }
}
