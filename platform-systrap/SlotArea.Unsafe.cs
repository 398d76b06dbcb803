using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Platform.Systrap;

/// <summary>Shared memory in slots of one size, sparse, mapped here as a whole and in stub processes slot by
/// slot.</summary>
// SAFETY: addresses are computed from slot numbers that this class gave out; the area stays mapped until Dispose.
internal sealed unsafe class SlotArea
{
    private readonly Lock _gate = new();

    /// <summary>Slots that have been given back; guarded by <see cref="_gate"/>.</summary>
    private readonly Stack<int> _free = new();
    private readonly HostFd _fd;
    private readonly nint _address;
    private readonly int _slotBytes;
    private readonly int _slots;

    /// <summary>The first slot never used; guarded by <see cref="_gate"/>.</summary>
    private int _next;

    private SlotArea(HostFd fd, nint address, int slotBytes, int slots)
    {
        _fd = fd;
        _address = address;
        _slotBytes = slotBytes;
        _slots = slots;
    }

    /// <summary>The shared memory, to be mapped by stubs.</summary>
    public int Fd => _fd.Value;

    /// <summary>Reserves the area.</summary>
    public static Errno Create(string name, int slotBytes, int slots, out SlotArea? area)
    {
        area = null;
        Errno error = HostMman.MemfdCreate(name, HostMman.MfdCloexec, out int fd);
        if (error != Errno.None)
        {
            return error;
        }
        var owner = new HostFd(fd);
        long bytes = (long)slotBytes * slots;
        error = HostUnistd.Ftruncate(fd, bytes);
        nint address = 0;
        if (error == Errno.None)
        {
            int flags = HostMman.MapShared | HostMman.MapNoReserve;
            error = HostMman.Map(0, (nuint)bytes, HostMman.ProtRead | HostMman.ProtWrite, flags, fd, 0, out address);
        }
        if (error != Errno.None)
        {
            owner.Dispose();
            return error;
        }
        area = new SlotArea(owner, address, slotBytes, slots);
        return Errno.None;
    }

    /// <summary>Takes a free slot, zeroed; EAGAIN when there is none.</summary>
    public Errno Take(out int slot)
    {
        lock (_gate)
        {
            if (_free.TryPop(out slot))
            {
                return Errno.None;
            }
            if (_next == _slots)
            {
                return Errno.EAGAIN;
            }
            slot = _next++;
            return Errno.None;
        }
    }

    /// <summary>Gives a slot back, and its memory to the host: the next user must not see what is in it.</summary>
    public void Return(int slot)
    {
        Errno error = HostMman.Advise(AddressOf(slot), (nuint)_slotBytes, HostMman.MadvRemove);
        if (error != Errno.None)
        {
            // SAFETY: the slot lies in the area.
            new System.Span<byte>((void*)AddressOf(slot), _slotBytes).Clear();
        }
        lock (_gate)
        {
            _free.Push(slot);
        }
    }

    /// <summary>Gives several slots back.</summary>
    public void Return(List<int> slots)
    {
        foreach (int slot in slots)
        {
            Return(slot);
        }
    }

    /// <summary>Address of a slot in this process.</summary>
    public nint AddressOf(int slot) => _address + (nint)OffsetOf(slot);

    /// <summary>The bytes of a slot.</summary>
    public System.Span<byte> SpanOf(int slot) => new((void*)AddressOf(slot), _slotBytes);

    /// <summary>Offset of a slot in the shared memory.</summary>
    public long OffsetOf(int slot) => (long)slot * _slotBytes;

    public void Dispose()
    {
        HostMman.Unmap(_address, (nuint)_slotBytes * (nuint)_slots);
        _fd.Dispose();
    }
}
