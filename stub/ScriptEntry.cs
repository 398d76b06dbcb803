using System;
using System.Runtime.InteropServices;

namespace Stub;

/// <summary>One system call of a script. The layout is shared with machine code: eight quadwords.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ScriptEntry
{
    /// <summary>Size in bytes; an array of entries has no gaps.</summary>
    public const int Bytes = 64;

    public long Number;
    public ulong A0;
    public ulong A1;
    public ulong A2;
    public ulong A3;
    public ulong A4;
    public ulong A5;
    public ScriptFlags Flags;

    public ScriptEntry(
        int number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        Number = number;
        A0 = a0;
        A1 = a1;
        A2 = a2;
        A3 = a3;
        A4 = a4;
        A5 = a5;
    }

    /// <summary>The same call with other flags.</summary>
    public readonly ScriptEntry With(ScriptFlags flags)
    {
        ScriptEntry entry = this;
        entry.Flags = flags;
        return entry;
    }
}

/// <summary>How the executor judges the result of a call.</summary>
[Flags]
public enum ScriptFlags : ulong
{
    /// <summary>An errno stops the script.</summary>
    None = 0,

    /// <summary>An errno is passed over.</summary>
    IgnoreError = 1,

    /// <summary>A result of 0 stops the script too: a read that must not meet the end of the file.</summary>
    ZeroIsFailure = 2,

    /// <summary>
    /// A clone of a thread (stub page only): the new thread parks, and its id is left in r15 for whoever reads the
    /// registers at the end of the script.
    /// </summary>
    ChildParks = 4,
}
