using System.Threading;
using Abi.Linux;

namespace Platform.Kvm;

/// <summary>
/// Guest-physical memory: each GiB of the process's own addresses that is needed gets a memory slot, once and for
/// good. KVM follows what the process maps there by itself.
/// </summary>
internal sealed class PhysicalMap
{
    /// <summary>Addresses of one slot.</summary>
    public const ulong ChunkBytes = 1UL << ChunkShift;

    private const int ChunkShift = 30;

    /// <summary>The first GiBs of physical memory are left alone: the local APIC is there.</summary>
    public const int FirstChunk = 4;

    private const int ChunksOfProcess = 1 << (47 - ChunkShift);
    private const ulong EndOfProcess = (1UL << 47) - 4096;

    private readonly KvmVm _vm;
    private readonly Lock _gate = new();

    /// <summary>Slot plus one of each chunk; 0 for none. Written under the lock, read without.</summary>
    private readonly ushort[] _slots = new ushort[ChunksOfProcess];

    /// <summary>Chunk of each slot. Written under the lock before the slot is published.</summary>
    private readonly int[] _chunks;

    /// <summary>Slots in use; guarded by <see cref="_gate"/>.</summary>
    private int _count;

    public PhysicalMap(KvmVm vm)
    {
        _vm = vm;
        _chunks = new int[vm.MaxSlots - 1];
    }

    /// <summary>Physical address of process memory; ENOSPC when there is no slot left.</summary>
    public Errno TryGetPhysical(nint address, out ulong physical)
    {
        int chunk = (int)((ulong)address >> ChunkShift);
        int slot = Volatile.Read(ref _slots[chunk]) - 1;
        Errno error = Errno.None;
        if (slot < 0)
        {
            error = AddSlot(chunk, out slot);
        }
        physical = ((ulong)(slot + FirstChunk) << ChunkShift) + ((ulong)address & (ChunkBytes - 1));
        return error;
    }

    /// <summary>The process's address of physical memory that <see cref="TryGetPhysical"/> has given out.</summary>
    public nint AddressOf(ulong physical)
    {
        int slot = (int)(physical >> ChunkShift) - FirstChunk;
        return (nint)(((ulong)_chunks[slot] << ChunkShift) + (physical & (ChunkBytes - 1)));
    }

    private Errno AddSlot(int chunk, out int slot)
    {
        lock (_gate)
        {
            slot = _slots[chunk] - 1;
            if (slot >= 0)
            {
                return Errno.None;
            }
            if (_count == _chunks.Length)
            {
                return Errno.ENOSPC;
            }
            slot = _count;
            ulong start = (ulong)chunk << ChunkShift;
            ulong length = ulong.Min(ChunkBytes, EndOfProcess - start);
            ulong physical = (ulong)(slot + FirstChunk) << ChunkShift;
            Errno error = _vm.SetMemory(slot, physical, length, (nint)start);
            if (error != Errno.None)
            {
                return error;
            }
            _chunks[slot] = chunk;
            _count++;
            Volatile.Write(ref _slots[chunk], (ushort)(slot + 1));
            return Errno.None;
        }
    }
}
