using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>readv(2), writev(2), preadv2(2), pwritev2(2).</summary>
public static partial class FileSyscalls
{
    private const int CurrentPosition = -1;
    private const int KnownRwFlags = RwFlags.RWF_HIPRI | RwFlags.RWF_DSYNC | RwFlags.RWF_SYNC | RwFlags.RWF_NOWAIT
        | RwFlags.RWF_APPEND;

    /// <summary>ssize_t readv(int fd, const struct iovec *iov, int iovcnt)</summary>
    public static SyscallResult ReadV(Task task, in SyscallArguments args) =>
        ReadVector(task, in args, CurrentPosition, 0);

    /// <summary>ssize_t writev(int fd, const struct iovec *iov, int iovcnt)</summary>
    public static SyscallResult WriteV(Task task, in SyscallArguments args) =>
        WriteVector(task, in args, CurrentPosition, 0);

    /// <summary>
    /// ssize_t preadv(int fd, const struct iovec *iov, int iovcnt, off_t offset): on x86-64 one register holds the
    /// offset.
    /// </summary>
    public static SyscallResult PReadV(Task task, in SyscallArguments args) =>
        args.Long(3) < 0 ? Errno.EINVAL : ReadVector(task, in args, args.Long(3), 0);

    /// <summary>ssize_t pwritev(int fd, const struct iovec *iov, int iovcnt, off_t offset)</summary>
    public static SyscallResult PWriteV(Task task, in SyscallArguments args) =>
        args.Long(3) < 0 ? Errno.EINVAL : WriteVector(task, in args, args.Long(3), 0);

    /// <summary>
    /// ssize_t preadv2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags): offset -1 is the
    /// position.
    /// </summary>
    public static SyscallResult PReadV2(Task task, in SyscallArguments args) =>
        args.Long(3) < CurrentPosition ? Errno.EINVAL : ReadVector(task, in args, args.Long(3), args.Int(5));

    /// <summary>ssize_t pwritev2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags)</summary>
    public static SyscallResult PWriteV2(Task task, in SyscallArguments args) =>
        args.Long(3) < CurrentPosition ? Errno.EINVAL : WriteVector(task, in args, args.Long(3), args.Int(5));

    private static SyscallResult ReadVector(Task task, in SyscallArguments args, long offset, int flags)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        Errno errno = CheckVectorTarget(reference.File, MayAccess.Read, offset, flags);
        if (errno != Errno.None)
        {
            return errno;
        }

        Span<GuestRange> buffer = stackalloc GuestRange[IovecArgument.Inline];
        errno = IovecArgument.Read(task, args.Address(1), args[2], buffer, out Span<GuestRange> ranges);
        if (errno != Errno.None)
        {
            return errno;
        }

        FileDescription file = reference.File!;
        IoSequence destination = IoSequence.FromGuest(task.Mm, ranges);
        if (offset != CurrentPosition)
        {
            return ReadAt(task, file, ref destination, offset);
        }

        bool mayWait = (flags & RwFlags.RWF_NOWAIT) == 0;
        errno = mayWait
            ? BlockingIo.Read(task, file, ref destination, out long done)
            : file.Read(task, ref destination, out done);
        file.AfterRead(done);
        return SyscallResult.Partial(errno, done);
    }

    private static SyscallResult WriteVector(Task task, in SyscallArguments args, long offset, int flags)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        Errno errno = CheckVectorTarget(reference.File, MayAccess.Write, offset, flags);
        if (errno != Errno.None)
        {
            return errno;
        }

        Span<GuestRange> buffer = stackalloc GuestRange[IovecArgument.Inline];
        errno = IovecArgument.Read(task, args.Address(1), args[2], buffer, out Span<GuestRange> ranges);
        if (errno != Errno.None)
        {
            return errno;
        }

        FileDescription file = reference.File!;
        IoSequence source = IoSequence.FromGuest(task.Mm, ranges);
        SyscallResult result;
        if ((flags & RwFlags.RWF_APPEND) != 0)
        {
            result = AppendTo(task, file, ref source);
        }
        else if (offset != CurrentPosition)
        {
            result = WriteAt(task, file, ref source, offset);
        }
        else
        {
            bool mayWait = (flags & RwFlags.RWF_NOWAIT) == 0;
            errno = mayWait
                ? BlockingIo.Write(task, file, ref source, out long done)
                : file.Write(task, ref source, out done);
            file.AfterWrite(done);
            result = SyscallResult.Partial(errno, done);
        }

        bool sync = (flags & (RwFlags.RWF_SYNC | RwFlags.RWF_DSYNC)) != 0 && !result.IsError;
        errno = sync ? file.Sync(task) : Errno.None;
        return errno != Errno.None ? errno : result;
    }

    private static Errno CheckVectorTarget(FileDescription? file, MayAccess access, long offset, int flags)
    {
        if (offset != CurrentPosition)
        {
            Errno errno = CheckPositional(file, access);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        bool allowed = file is not null && (access == MayAccess.Read ? file.CanRead : file.CanWrite);
        if (!allowed)
        {
            return Errno.EBADF;
        }

        return (flags & ~KnownRwFlags) != 0 ? Errno.EOPNOTSUPP : Errno.None;
    }

    /// <summary>RWF_APPEND: at the end, whatever the offset; the position does not move.</summary>
    private static SyscallResult AppendTo(Task task, FileDescription file, ref IoSequence source)
    {
        using (file.PositionLock.Enter())
        {
            Errno errno = file.Inode.GetAttributes(out InodeAttributes attributes);
            return errno != Errno.None ? errno : WriteAt(task, file, ref source, attributes.SizeBytes);
        }
    }
}
