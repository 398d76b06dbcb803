using System.Collections.Generic;

namespace Tests.Tidy;

/// <summary>The only places where a rule looks away, each with its reason.</summary>
internal static class Exemptions
{
    /// <summary>Files whose lines are rows of a table: length of file, function and line are the table's.</summary>
    public static readonly Dictionary<string, string> Tables = new()
    {
        ["sentry/Syscalls/SyscallTable.cs"] = "one row per system call",
        ["abi/Linux/Errno.cs"] = "one row per error",
        ["stub/PreparedCode.cs"] = "bytes that scripts/docs writes",
    };

    /// <summary>Function pointers outside *.Unsafe.cs.</summary>
    public static readonly Dictionary<string, string> FunctionPointers = new()
    {
        ["sentry/Syscalls/SyscallTable.cs"] = "the table's handler column; nothing else in it is unsafe",
        ["sentry/Syscalls/SyscallTable.Dispatch.cs"] = "the table's row type and the array made from it",
    };
}
