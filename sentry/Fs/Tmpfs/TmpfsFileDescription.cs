using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>An open regular file.</summary>
internal sealed class TmpfsFileDescription : FileDescription, ISealable
{
    private readonly TmpfsFile _file;

    internal TmpfsFileDescription(TmpfsFile file, VfsPath path)
    {
        _file = file;
        Path = path;
    }

    /// <inheritdoc/>
    public override Inode Inode => _file;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done) =>
        _file.Data.Read(ref destination, (ulong)offset, out done);

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        WritePlace place = (Flags & Fcntl.O_APPEND) != 0 ? WritePlace.End : WritePlace.Offset;
        return _file.Write(task, ref source, offset, place, out done, out newOffset);
    }

    /// <inheritdoc/>
    protected override Errno FindExtent(long offset, int whence, long sizeBytes, out long result)
    {
        SeekTarget target = whence == Fcntl.SEEK_DATA ? SeekTarget.Data : SeekTarget.Hole;
        Errno errno = _file.Data.Seek((ulong)offset, target, out ulong found);
        result = (long)found;
        return errno;
    }

    /// <inheritdoc/>
    public override Errno GetMappable(Task task, out IMappable? mappable)
    {
        mappable = _file.Data;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Allocate(Task task, int mode, long offset, long lengthBytes) =>
        _file.Allocate(task, mode, offset, lengthBytes);

    /// <inheritdoc/>
    public override Errno Sync(Task task) => Errno.None;

    /// <inheritdoc/>
    public Errno GetSeals(out uint seals)
    {
        // A file with a name is sealed against seals (mm/shmem.c, shmem_get_inode).
        seals = _file.IsSealable ? _file.Data.Seals : Fcntl.F_SEAL_SEAL;
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno AddSeals(uint seals)
    {
        const uint Known = Fcntl.F_SEAL_SEAL | Fcntl.F_SEAL_SHRINK | Fcntl.F_SEAL_GROW | Fcntl.F_SEAL_WRITE
            | Fcntl.F_SEAL_FUTURE_WRITE | Fcntl.F_SEAL_EXEC;
        if (!CanWrite)
        {
            return Errno.EPERM;
        }

        if ((seals & ~Known) != 0)
        {
            return Errno.EINVAL;
        }

        return _file.IsSealable ? _file.AddSeals(seals) : Errno.EPERM;
    }
}
