using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// An open regular file: reads and writes are host calls on the inode's descriptor, straight between the host's
/// page cache and guest memory.
/// </summary>
internal sealed class GoferFileDescription : FileDescription
{
    private readonly GoferRegularFile _file;

    internal GoferFileDescription(GoferRegularFile file, VfsPath path, int flags)
    {
        _file = file;
        Path = path;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _file;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done) =>
        destination.ReadFromHost(_file.ReadFd, offset, destination.Remaining, out done);

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        Errno error = (Flags & Fcntl.O_APPEND) != 0
            ? _file.Append(ref source, out offset, out done)
            : source.WriteToHost(_file.WriteFd, offset, source.Remaining, out done);
        newOffset = offset + done;
        if (done > 0)
        {
            _file.MarkStale();
            error = SyncIfAsked(error);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno GetMappable(Task task, out IMappable? mappable)
    {
        mappable = _file;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Sync(Task task) => HostUnistd.Fsync(CanWrite ? _file.WriteFd : _file.ReadFd);

    /// <inheritdoc/>
    public override Errno Allocate(Task task, int mode, long offset, long lengthBytes)
    {
        Errno error = HostFcntl.Fallocate(_file.WriteFd, mode, offset, lengthBytes);
        _file.MarkStale();
        return error;
    }

    /// <inheritdoc/>
    protected override Errno FindExtent(long offset, int whence, long sizeBytes, out long result) =>
        HostUnistd.Seek(_file.ReadFd, offset, whence, out result);

    /// <inheritdoc/>
    protected override void Release() => _file.DropOpen();

    private Errno SyncIfAsked(Errno error)
    {
        if (error != Errno.None || (Flags & Fcntl.O_DSYNC) == 0)
        {
            return error;
        }

        bool wantsMetadata = (Flags & Fcntl.O_SYNC) == Fcntl.O_SYNC;
        return wantsMetadata ? HostUnistd.Fsync(_file.WriteFd) : HostUnistd.Fdatasync(_file.WriteFd);
    }
}
