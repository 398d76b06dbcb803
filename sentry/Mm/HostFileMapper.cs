using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform;
using Sentry.Sync;

namespace Sentry.Mm;

/// <summary>
/// Memory of a host file: guests map the host's page cache itself; the Sentry reaches it through mappings of its own,
/// made in chunks when first needed.
/// A host file can be cut short behind our back, so those accesses may fault. Owns its descriptor: it is closed when
/// the owner and all references are gone.
/// </summary>
public sealed class HostFileMapper : IMemoryBacking
{
    private const int ChunkShift = 24;
    private const ulong ChunkBytes = 1ul << ChunkShift;
    private const ulong PageSize = GuestAddress.PageSize;

    private readonly HostFd _fd;
    private readonly MemoryAccess _access;
    private readonly HostContents _contents;
    private long _references = 1;

    // Guards _chunks.
    private readonly OrderedLock<PageCacheLevel> _lock = new();
    private readonly Dictionary<ulong, nint> _chunks = new();

    /// <summary>
    /// A mapper over a descriptor, which it owns from now on. <paramref name="access"/>: Write when it was opened for
    /// reading and writing.
    /// </summary>
    public HostFileMapper(HostFd fd, MemoryAccess access, HostContents contents)
    {
        _fd = fd;
        _access = access;
        _contents = contents;
    }

    /// <inheritdoc/>
    public int HostFd => _fd.Value;

    /// <inheritdoc/>
    public bool MayFault => true;

    /// <inheritdoc/>
    public bool IsConstant => _contents == HostContents.Constant;

    /// <inheritdoc/>
    public void AddReference(ulong offset, ulong lengthBytes) =>
        Interlocked.Add(ref _references, (long)(lengthBytes / PageSize));

    /// <inheritdoc/>
    public void DropReference(ulong offset, ulong lengthBytes) => Drop((long)(lengthBytes / PageSize));

    /// <summary>The owner (an inode of the gofer client) needs it no more.</summary>
    public void DropOwner() => Drop(1);

    /// <summary>
    /// For the owner's <see cref="IMappable.Translate"/>: what backs a range of a file of <paramref name="fileSize"/>
    /// bytes. EFAULT beyond its end,
    /// EACCES for writing through a descriptor opened for reading.
    /// </summary>
    public Errno Translate(
        ulong offset, ulong requiredBytes, ulong optionalBytes, ulong fileSize, MemoryAccess access,
            out Translation translation)
    {
        translation = default;
        ulong end = (Math.Min(fileSize, long.MaxValue - PageSize) + PageSize - 1) & ~(PageSize - 1);
        if (offset >= end || requiredBytes > end - offset)
        {
            return Errno.EFAULT;
        }

        if ((access & ~_access & MemoryAccess.Write) != 0)
        {
            return Errno.EACCES;
        }

        translation.Backing = this;
        translation.BackingOffset = offset;
        translation.LengthBytes = Math.Min(Math.Max(requiredBytes, optionalBytes), end - offset);
        translation.Allowed = MemoryAccess.Read | MemoryAccess.Execute | (_access & MemoryAccess.Write);
        AddReference(offset, translation.LengthBytes);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno MapInternal(ulong offset, ulong lengthBytes, out nuint address, out ulong contiguousBytes)
    {
        ulong index = offset >> ChunkShift;
        ulong inChunk = offset & (ChunkBytes - 1);
        contiguousBytes = Math.Min(lengthBytes, ChunkBytes - inChunk);
        using (_lock.Enter())
        {
            if (!_chunks.TryGetValue(index, out nint chunk))
            {
                int access = HostMman.ProtRead | ((_access & MemoryAccess.Write) != 0 ? HostMman.ProtWrite : 0);
                Errno error = HostMman.Map(
                    0, (nuint)ChunkBytes, access, HostMman.MapShared, _fd.Value, (long)(index << ChunkShift),
                        out chunk);
                if (error != Errno.None)
                {
                    address = 0;
                    return error;
                }

                _chunks.Add(index, chunk);
            }

            address = (nuint)chunk + (nuint)inChunk;
            return Errno.None;
        }
    }

    private void Drop(long count)
    {
        if (Interlocked.Add(ref _references, -count) != 0)
        {
            return;
        }

        using (_lock.Enter())
        {
            foreach (nint chunk in _chunks.Values)
            {
                HostMman.Unmap(chunk, (nuint)ChunkBytes);
            }

            _chunks.Clear();
        }

        _fd.Dispose();
    }
}

/// <summary>May the contents of a host file change while it is mapped?</summary>
public enum HostContents
{
    /// <summary>Anybody may write the file.</summary>
    Changing,

    /// <summary>Nobody writes it: a layer that is served for reading, and to this sandbox alone.</summary>
    Constant,
}
