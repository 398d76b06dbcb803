using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Ptrace;

/// <summary>
/// Shared memory for scripts: one slot per stub process, written here, mapped read-only there. Slot 0 belongs to the
/// master and is what a fresh
/// fork sees until it maps its own.
/// </summary>
// SAFETY: accesses are checked against the area, which stays mapped until Dispose.
internal sealed unsafe class CommandArea : IDisposable
{
    /// <summary>Size of one slot.</summary>
    public const int SlotBytes = 16384;

    /// <summary>Longest script.</summary>
    public const int MaxEntries = SlotBytes / ScriptEntry.Bytes;

    /// <summary>Most stub processes at a time; the area is sparse.</summary>
    public const int MaxSlots = 1 << 16;

    private readonly Lock _gate = new();
    private readonly Stack<int> _free = new();
    private readonly HostFd _fd;
    private readonly nint _address;
    private int _next = 1;

    private CommandArea(HostFd fd, nint address)
    {
        _fd = fd;
        _address = address;
    }

    /// <summary>The shared memory, to be mapped by stubs.</summary>
    public int Fd => _fd.Value;

    /// <summary>Reserves the area.</summary>
    public static Errno Create(out CommandArea? area)
    {
        area = null;
        Errno error = HostMman.MemfdCreate("stub-commands", HostMman.MfdCloexec, out int fd);
        if (error != Errno.None)
        {
            return error;
        }
        var owner = new HostFd(fd);
        const long Bytes = (long)SlotBytes * MaxSlots;
        error = HostUnistd.Ftruncate(fd, Bytes);
        nint address = 0;
        if (error == Errno.None)
        {
            int flags = HostMman.MapShared | HostMman.MapNoReserve;
            error = HostMman.Map(0, (nuint)Bytes, HostMman.ProtRead | HostMman.ProtWrite, flags, fd, 0, out address);
        }
        if (error != Errno.None)
        {
            owner.Dispose();
            return error;
        }
        area = new CommandArea(owner, address);
        return Errno.None;
    }

    /// <summary>Takes a free slot; EAGAIN when there is none.</summary>
    public Errno Take(out int slot)
    {
        lock (_gate)
        {
            if (_free.TryPop(out slot))
            {
                return Errno.None;
            }
            if (_next == MaxSlots)
            {
                return Errno.EAGAIN;
            }
            slot = _next++;
            return Errno.None;
        }
    }

    /// <summary>Gives a slot back when its process is gone.</summary>
    public void Return(int slot)
    {
        lock (_gate)
        {
            _free.Push(slot);
        }
    }

    /// <summary>Offset of a slot in the shared memory.</summary>
    public static ulong OffsetOf(int slot) => (ulong)slot * SlotBytes;

    /// <summary>Writes one entry of a slot.</summary>
    // SAFETY: both indices are checked against the size of the area, which stays mapped until Dispose.
    public void Write(int slot, int index, in ScriptEntry entry)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)MaxSlots);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)MaxEntries);
        *(ScriptEntry*)(_address + (nint)OffsetOf(slot) + (index * ScriptEntry.Bytes)) = entry;
    }

    /// <summary>Writes raw words into a slot at a byte offset: data that entries point to.</summary>
    // SAFETY: the range is checked against the slot.
    public void WriteData(int slot, int offset, ReadOnlySpan<ulong> words)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)MaxSlots);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + (words.Length * sizeof(ulong)), SlotBytes);
        words.CopyTo(new Span<ulong>((void*)(_address + (nint)OffsetOf(slot) + offset), words.Length));
    }

    public void Dispose()
    {
        HostMman.Unmap(_address, (nuint)SlotBytes * MaxSlots);
        _fd.Dispose();
    }
}
