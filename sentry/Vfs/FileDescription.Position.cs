using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>The file position and the operations that use it.</summary>
public abstract partial class FileDescription
{
    private readonly OrderedLock<FilePositionLevel> _positionLock = new();
    private long _position;

    /// <summary>
    /// Offset of the next streaming read, write or directory read. Changed under the position lock. Overridden where
    /// somebody else keeps it.
    /// </summary>
    protected internal virtual long Position
    {
        get => Volatile.Read(ref _position);
        set => Volatile.Write(ref _position, value);
    }

    /// <summary>Held across whatever uses and moves the position.</summary>
    internal OrderedLock<FilePositionLevel> PositionLock => _positionLock;

    private Errno ReadAtPosition(Task task, ref IoSequence destination, out long done)
    {
        if (!IsSeekable)
        {
            done = 0;
            return Inode.FileType == StatMode.S_IFDIR ? Errno.EISDIR : Errno.EINVAL;
        }

        using (_positionLock.Enter())
        {
            done = 0;
            Errno errno = CheckSpan(_position, destination.Remaining);
            errno = errno == Errno.None ? PRead(task, ref destination, _position, out done) : errno;
            Position = _position + done;
            return errno;
        }
    }

    private Errno WriteAtPosition(Task task, ref IoSequence source, out long done)
    {
        if (!IsSeekable)
        {
            done = 0;
            return Errno.EINVAL;
        }

        using (_positionLock.Enter())
        {
            Errno errno = CheckSpan(_position, source.Remaining);
            errno = errno == Errno.None ? LimitWrite(task, ref source, _position) : errno;
            if (errno != Errno.None)
            {
                done = 0;
                return errno;
            }

            errno = PWrite(task, ref source, _position, out done, out long end);
            if (done > 0)
            {
                Position = end;
            }

            return errno;
        }
    }

    /// <summary>EINVAL for a transfer that would end beyond the largest position (rw_verify_area).</summary>
    internal static Errno CheckSpan(long position, long bytes) =>
        position > long.MaxValue - bytes ? Errno.EINVAL : Errno.None;

    /// <summary>
    /// Shortens a write to what RLIMIT_FSIZE and the file system allow (generic_write_checks); EFBIG, with SIGXFSZ for
    /// the limit, when nothing is left.
    /// </summary>
    internal Errno LimitWrite(Task task, ref IoSequence source, long offset)
    {
        if (Inode.FileType != StatMode.S_IFREG || source.Remaining == 0)
        {
            return Errno.None;
        }

        long max = FileLimits.MaxFileBytes(task, Inode);
        if (max == long.MaxValue && offset <= long.MaxValue - source.Remaining)
        {
            return Errno.None;
        }

        if ((Flags & Fcntl.O_APPEND) != 0 && Inode.GetAttributes(out InodeAttributes attributes) == Errno.None)
        {
            offset = attributes.SizeBytes;
        }

        if (offset >= max)
        {
            return FileLimits.CheckSize(task, Inode, offset == long.MaxValue
                ? offset
                : offset + 1) == Errno.None ? Errno.None : Errno.EFBIG;
        }

        source.Limit(max - offset);
        return Errno.None;
    }

    /// <summary>
    /// Where SEEK_DATA or SEEK_HOLE would go; the position stays, and its lock is not needed.
    /// </summary>
    internal Errno Locate(long offset, int whence, out long result)
    {
        result = 0;
        return IsSeekable ? ResolveSeek(offset, whence, out result) : Errno.ESPIPE;
    }

    private Errno SeekBySize(Task task, long offset, int whence, out long result)
    {
        result = 0;
        if (!IsSeekable)
        {
            return Errno.ESPIPE;
        }

        using (_positionLock.Enter())
        {
            Errno errno = ResolveSeek(offset, whence, out long wanted);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (wanted < 0 || wanted > Inode.SuperBlock.MaxFileBytes)
            {
                return Errno.EINVAL;
            }

            Position = wanted;
            result = wanted;
            return Errno.None;
        }
    }

    private Errno ResolveSeek(long offset, int whence, out long wanted)
    {
        wanted = offset;
        if (whence == Fcntl.SEEK_SET)
        {
            return Errno.None;
        }

        if (whence == Fcntl.SEEK_CUR)
        {
            return Add(_position, offset, out wanted);
        }

        if (whence is not (Fcntl.SEEK_END or Fcntl.SEEK_DATA or Fcntl.SEEK_HOLE))
        {
            return Errno.EINVAL;
        }

        // The position of a directory is a cookie; it has no end to count from (fs/libfs.c, dcache_dir_lseek).
        Errno errno = Inode.GetAttributes(out InodeAttributes attributes);
        if (errno != Errno.None || Inode.FileType == StatMode.S_IFDIR)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        if (whence == Fcntl.SEEK_END)
        {
            return Add(attributes.SizeBytes, offset, out wanted);
        }

        return offset < 0 || offset >= attributes.SizeBytes
            ? Errno.ENXIO
            : FindExtent(offset, whence, attributes.SizeBytes, out wanted);
    }

    private static Errno Add(long left, long right, out long sum)
    {
        sum = unchecked(left + right);
        bool overflow = ((left ^ sum) & (right ^ sum)) < 0;
        return overflow ? Errno.EINVAL : Errno.None;
    }
}
