using Abi.Linux;
using HostOs;
using Platform;
using Sentry.Mm;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Mapping: guests map the host's page cache. The end of the file is asked of the host at every fault, so that it
/// is right however the file grows or shrinks.
/// </summary>
internal sealed partial class GoferRegularFile : IMappable
{
    private readonly MappingSet _mappings = new();

    /// <inheritdoc/>
    public (ulong Device, ulong Inode) Identity => (SuperBlock.Device, InodeNumber);

    /// <inheritdoc/>
    public Errno Translate(
        ulong offset, ulong requiredBytes, ulong optionalBytes, MemoryAccess access, out Translation translation)
    {
        translation = default;
        int wanted = (access & MemoryAccess.Write) != 0 ? Fcntl.O_RDWR : Fcntl.O_RDONLY;
        if (!TryPin(wanted, out HostFileMapper? mapper))
        {
            return Errno.EACCES;
        }

        Errno error = HostStat.Fstat(mapper!.HostFd, out Stat stat);
        if (error == Errno.None)
        {
            ulong size = (ulong)long.Max(stat.st_size, 0);
            error = mapper.Translate(offset, requiredBytes, optionalBytes, size, access, out translation);
        }

        if (wanted == Fcntl.O_RDWR)
        {
            MarkStale();
        }

        Unpin(mapper);
        return error;
    }

    /// <inheritdoc/>
    public Errno AddMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind) =>
        _mappings.Add(mm, range, offset, kind);

    /// <inheritdoc/>
    public void RemoveMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind) =>
        _mappings.Remove(mm, range, kind);

    /// <inheritdoc/>
    public Errno SyncMapping(ulong offset, ulong lengthBytes)
    {
        if (!TryPin(Fcntl.O_RDONLY, out HostFileMapper? mapper))
        {
            return Errno.None;
        }

        Errno error = HostUnistd.Fdatasync(mapper!.HostFd);
        Unpin(mapper);
        MarkStale();
        return error;
    }

    /// <summary>The file was cut here: pages behind go, private copies too.</summary>
    internal void InvalidateFrom(long sizeBytes)
    {
        ulong first = ((ulong)sizeBytes + GuestAddress.PageSize - 1) & ~(GuestAddress.PageSize - 1);
        _mappings.Invalidate(first, ulong.MaxValue - first, InvalidateKind.DropPrivateCopies);
    }
}
