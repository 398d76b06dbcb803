using System;
using Abi.Linux;

namespace Sentry.Mm;

/// <summary>What memory is used for (meminfo, cgroup memory.stat).</summary>
public enum MemoryKind
{
    /// <summary>Private and anonymous memory of processes.</summary>
    Anonymous,

    /// <summary>tmpfs, memfd, System V and shared anonymous memory.</summary>
    Shared,

    /// <summary>Copies of files kept for speed.</summary>
    PageCache,

    /// <summary>The kernel's own.</summary>
    Kernel,
}

/// <summary>A range of the memory file.</summary>
public readonly record struct MemoryFileRange(ulong Offset, ulong LengthBytes);

/// <summary>
/// One memfd that backs all anonymous memory and page cache, mapped once into the Sentry: offset to pointer is one addition.
/// </summary>
public sealed partial class MemoryFile : IMemoryBacking
{
    /// <summary>Makes the file: <paramref name="sizeBytes"/> of sparse space, of which at most <paramref name="limitBytes"/> are ever used.</summary>
    public static Errno Create(ulong sizeBytes, ulong limitBytes, out MemoryFile? file) => throw new NotImplementedException();

    /// <inheritdoc/>
    public int HostFd => throw new NotImplementedException();

    /// <inheritdoc/>
    public bool MayFault => false;

    /// <summary>Takes pages that read as zero, with one reference each, contiguous. ENOMEM at the limit.</summary>
    public Errno Allocate(ulong lengthBytes, MemoryKind kind, out MemoryFileRange range) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void AddReference(ulong offset, ulong lengthBytes) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void DropReference(ulong offset, ulong lengthBytes) => throw new NotImplementedException();

    /// <inheritdoc/>
    public Errno MapInternal(ulong offset, ulong lengthBytes, out nuint address, out ulong contiguousBytes) => throw new NotImplementedException();

    /// <summary>Writes into pages the caller holds a reference on.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> source) => throw new NotImplementedException();

    /// <summary>Reads from pages the caller holds a reference on.</summary>
    public void Read(ulong offset, Span<byte> destination) => throw new NotImplementedException();
}
