using System;
using System.Threading;
using Abi.Linux;

namespace Sentry.Mm;

/// <summary>
/// What stands behind private anonymous memory that was read and never written: one block of the memory file for the
/// whole sandbox that holds zeros, is never freed and mapped for reading only (Linux's zero page). Any offset is
/// good: it is taken modulo the block, so a PMA may be longer than that. The platform maps block by block.
/// </summary>
internal sealed class ZeroPages : IMemoryBacking
{
    /// <summary>One piece of the platform's maps; as large as a huge page, which is Linux's piece.</summary>
    internal const ulong BlockBytes = 2ul << 20;

    private readonly MemoryFile _file;
    private readonly ulong _start;
    private int _isFilled;

    private ZeroPages(MemoryFile file, ulong start)
    {
        _file = file;
        _start = start;
    }

    /// <inheritdoc/>
    public int HostFd => _file.HostFd;

    /// <inheritdoc/>
    public bool MayFault => false;

    /// <inheritdoc/>
    public bool IsConstant => true;

    /// <summary>Takes a block of the memory file for good. ENOMEM.</summary>
    internal static Errno Create(MemoryFile file, out ZeroPages? pages)
    {
        Errno error = file.Allocate(BlockBytes, MemoryKind.Kernel, out MemoryFileRange range);
        pages = error == Errno.None ? new ZeroPages(file, range.Offset) : null;
        return error;
    }

    /// <summary>Gives back what <see cref="Create"/> took; nobody has seen it.</summary>
    internal void Forget() => _file.DropReference(_start, BlockBytes);

    /// <inheritdoc/>
    public void AddReference(ulong offset, ulong lengthBytes)
    {
    }

    /// <inheritdoc/>
    public void DropReference(ulong offset, ulong lengthBytes)
    {
    }

    /// <inheritdoc/>
    public Errno MapInternal(ulong offset, ulong lengthBytes, out nuint address, out ulong contiguousBytes)
    {
        ulong place = Place(offset, lengthBytes, out contiguousBytes);
        address = _file.BaseAddress + (nuint)place;
        return Errno.None;
    }

    /// <summary>Where an offset is in the memory file, and how much of a length follows it there.</summary>
    internal ulong Place(ulong offset, ulong lengthBytes, out ulong contiguousBytes)
    {
        ulong inBlock = offset & (BlockBytes - 1);
        contiguousBytes = Math.Min(lengthBytes, BlockBytes - inBlock);
        return _start + inBlock;
    }

    /// <summary>Makes the host hold the whole block, so that mincore(2) tells of populated pages.</summary>
    internal void Fill()
    {
        if (Interlocked.Exchange(ref _isFilled, 1) == 0)
        {
            _file.Clear(_start, BlockBytes);
        }
    }
}
