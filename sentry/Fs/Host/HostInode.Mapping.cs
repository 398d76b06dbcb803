using Abi.Linux;
using HostOs;
using Platform;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Fs.Host;

// Contents of a regular file: positional writes, and mappings of the host's page cache.
internal sealed partial class HostInode : IMappable
{
    private readonly MappingSet _mappings = new();

    /// <summary>Makes appends of this sandbox follow each other. Guest memory is read under it.</summary>
    private readonly OrderedLock<InodeLevel> _appendLock = new();

    /// <inheritdoc/>
    public (ulong Device, ulong Inode) Identity => (SuperBlock.Device, File.InodeNumber);

    /// <inheritdoc/>
    public Errno Translate(
        ulong offset, ulong requiredBytes, ulong optionalBytes, MemoryAccess access, out Translation translation)
    {
        translation = default;
        if (File.Mapper is not { } mapper)
        {
            return Errno.EACCES;
        }

        Errno error = HostStat.Fstat(File.Fd, out Stat stat);
        return error != Errno.None ? error : mapper.Translate(
            offset, requiredBytes, optionalBytes, (ulong)long.Max(stat.st_size, 0), access, out translation);
    }

    /// <inheritdoc/>
    public Errno AddMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind) =>
        _mappings.Add(mm, range, offset, kind);

    /// <inheritdoc/>
    public void RemoveMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind) =>
        _mappings.Remove(mm, range, kind);

    /// <inheritdoc/>
    public Errno SyncMapping(ulong offset, ulong lengthBytes) => HostUnistd.Fdatasync(File.Fd);

    /// <summary>What mmap(2) maps: only regular files.</summary>
    internal Errno GetMappable(out IMappable? mappable)
    {
        mappable = FileType == StatMode.S_IFREG ? this : null;
        return mappable is null ? Errno.ENODEV : Errno.None;
    }

    /// <summary>fallocate(2): ESPIPE for pipes, ENODEV for what is no regular file.</summary>
    internal Errno Allocate(int mode, long offset, long lengthBytes) => FileType switch
    {
        StatMode.S_IFREG => HostFcntl.Fallocate(File.Fd, mode, offset, lengthBytes),
        StatMode.S_IFIFO => Errno.ESPIPE,
        _ => Errno.ENODEV,
    };

    /// <summary>
    /// Writes at an offset, or at the end when the description (its <paramref name="flags"/>) or the host's open file
    /// appends. Other writers of the host may come between finding the end and writing there.
    /// </summary>
    internal Errno WriteAt(ref IoSequence source, long offset, int flags, out long done, out long newOffset)
    {
        Errno error;
        if ((flags & Fcntl.O_APPEND) == 0 && !File.IsAppending)
        {
            error = source.WriteToHost(File.Fd, offset, source.Remaining, out done);
            newOffset = offset + done;
            return error;
        }

        using (_appendLock.Enter())
        {
            done = 0;
            newOffset = offset;
            error = HostStat.Fstat(File.Fd, out Stat stat);
            if (error == Errno.None)
            {
                error = source.WriteToHost(File.Fd, stat.st_size, source.Remaining, out done);
                newOffset = stat.st_size + done;
            }

            return error;
        }
    }

    /// <summary>The file was cut here: pages behind go, private copies too.</summary>
    private void InvalidateFrom(long sizeBytes)
    {
        ulong first = ((ulong)sizeBytes + GuestAddress.PageSize - 1) & ~(GuestAddress.PageSize - 1);
        _mappings.Invalidate(first, ulong.MaxValue - first, InvalidateKind.DropPrivateCopies);
    }
}
