using System;
using System.Threading;
using HostOs;
using Stub;

namespace Platform.Systrap;

/// <summary>One command slot as the Sentry sees it. See <see cref="CommandSlot"/>.</summary>
// SAFETY: the address is that of a slot of CommandSlot's layout, mapped as long as the platform lives; indices are
// checked.
internal readonly unsafe struct CommandMemory
{
    private readonly byte* _slot;

    public CommandMemory(nint address)
    {
        _slot = (byte*)address;
    }

    /// <summary>Address of the acknowledgement word, a futex.</summary>
    public nint AckAddress => (nint)(_slot + CommandSlot.Ack);

    /// <summary>The last acknowledged sequence number.</summary>
    public uint Ack => Volatile.Read(ref *(uint*)(_slot + CommandSlot.Ack));

    /// <summary>A 32-bit word.</summary>
    public uint Word(int offset) => Volatile.Read(ref *(uint*)(_slot + Check(offset, sizeof(uint))));

    /// <summary>Sets a 32-bit word.</summary>
    public void SetWord(int offset, uint value) =>
        Volatile.Write(ref *(uint*)(_slot + Check(offset, sizeof(uint))), value);

    /// <summary>Sets a 64-bit word.</summary>
    public void SetQuad(int offset, ulong value) => *(ulong*)(_slot + Check(offset, sizeof(ulong))) = value;

    /// <summary>Sets a 32-bit word with a full fence behind it.</summary>
    public void Exchange(int offset, uint value) =>
        Interlocked.Exchange(ref *(uint*)(_slot + Check(offset, sizeof(uint))), value);

    /// <summary>Writes an entry of the script that starts at <paramref name="offset"/>.</summary>
    public void WriteEntry(int offset, int index, in ScriptEntry entry) =>
        *(ScriptEntry*)(_slot + Check(offset + (index * ScriptEntry.Bytes), ScriptEntry.Bytes)) = entry;

    /// <summary>Wakes the leader if it sleeps.</summary>
    public void Ring() => HostFutex.WakeShared((nint)(_slot + CommandSlot.Sequence), 1);

    private static int Check(int offset, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset, (uint)(SystrapLayout.CommandBytes - bytes));
        return offset;
    }
}
