using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>
/// Host memory that can stand behind guest mappings and that the Sentry itself can reach: the MemoryFile, or a host
/// file
/// whose pages come from the host page cache. Offsets and lengths are multiples of the page size.
/// </summary>
public interface IMemoryBacking
{
    /// <summary>Host descriptor that <see cref="IAddressSpace.Map"/> takes; open as long as a reference is
    /// held.</summary>
    int HostFd { get; }

    /// <summary>True when a load through the Sentry's own mapping may fault (a host file can be truncated): copies
    /// then go through HostOs.SafeCopy.</summary>
    bool MayFault { get; }

    /// <summary>True when nobody changes the contents, so that private pages may be copied ahead of the first write to
    /// them.</summary>
    bool IsConstant { get; }

    /// <summary>Takes one reference on every page of the range (a PMA or the page cache holds it).</summary>
    void AddReference(ulong offset, ulong lengthBytes);

    /// <summary>Drops one reference on every page of the range; pages without references are freed.</summary>
    void DropReference(ulong offset, ulong lengthBytes);

    /// <summary>
    /// Address in the Sentry of <paramref name="offset"/>, valid while a reference is held; <paramref
    /// name="contiguousBytes"/> (at least 1, at most
    /// <paramref name="lengthBytes"/>) bytes are reachable from there.
    /// </summary>
    Errno MapInternal(ulong offset, ulong lengthBytes, out nuint address, out ulong contiguousBytes);
}

/// <summary>Where one piece of a mappable lives.</summary>
public struct Translation
{
    /// <summary>Backing that holds the piece.</summary>
    public IMemoryBacking Backing;

    /// <summary>Offset of the piece in the backing.</summary>
    public ulong BackingOffset;

    /// <summary>Bytes of the piece (may exceed what was required, never what was optional).</summary>
    public ulong LengthBytes;

    /// <summary>Access the mapping may have; without Write a later write fault asks again (dirty tracking,
    /// sealing).</summary>
    public MemoryAccess Allowed;
}

/// <summary>
/// Something mmap(2) can map: a regular file, shared anonymous memory, a System V segment. The memory manager
/// registers each mapping; the
/// mappable calls <see cref="MemoryManager.InvalidateMapping"/> on the registered ones when a translation stops being
/// valid (truncate, hole punch).
/// </summary>
public interface IMappable
{
    /// <summary>
    /// Finds what backs [offset, offset + required). More, up to <paramref name="optionalBytes"/>, may be returned
    /// when it is there for free.
    /// One reference on the returned range is taken for the caller. EFAULT when offset lies beyond the end (the guest
    /// gets SIGBUS), ENOMEM when memory is short.
    /// </summary>
    Errno Translate(ulong offset, ulong requiredBytes, ulong optionalBytes, MemoryAccess access,
        out Translation translation);

    /// <summary>A mapping of [offset, offset + range.Length) at <paramref name="range"/> begins. <paramref
    /// name="writable"/>: a shared mapping that may be written.</summary>
    Errno AddMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind);

    /// <summary>The mapping (or the part given) ends.</summary>
    void RemoveMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind);

    /// <summary>msync(MS_SYNC) of a shared mapping.</summary>
    Errno SyncMapping(ulong offset, ulong lengthBytes);

    /// <summary>Identity for futex keys and /proc/pid/maps: device and inode number.</summary>
    (ulong Device, ulong Inode) Identity { get; }
}

/// <summary>What a mapping may do to the mappable.</summary>
public enum MappingKind
{
    /// <summary>MAP_PRIVATE: never writes to the mappable.</summary>
    Private,

    /// <summary>MAP_SHARED without the right to write.</summary>
    SharedReadOnly,

    /// <summary>MAP_SHARED that is or may become writable.</summary>
    SharedWritable,
}
