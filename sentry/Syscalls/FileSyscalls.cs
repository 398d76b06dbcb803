using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>read(2), write(2) and their kin, lseek(2).</summary>
public static partial class FileSyscalls
{
    /// <summary>ssize_t read(int fd, void *buf, size_t count)</summary>
    public static SyscallResult Read(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { CanRead: true } file)
        {
            return Errno.EBADF;
        }

        Errno errno = IovecArgument.Read(args.Address(1), args[2], out GuestRange range);
        if (errno != Errno.None)
        {
            return errno;
        }

        IoSequence destination = IoSequence.FromGuest(task.Mm, range);
        errno = BlockingIo.Read(task, file, ref destination, out long done);
        file.AfterRead(done);
        return SyscallResult.Partial(errno, done);
    }

    /// <summary>ssize_t write(int fd, const void *buf, size_t count)</summary>
    public static SyscallResult Write(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { CanWrite: true } file)
        {
            return Errno.EBADF;
        }

        Errno errno = IovecArgument.Read(args.Address(1), args[2], out GuestRange range);
        if (errno != Errno.None)
        {
            return errno;
        }

        IoSequence source = IoSequence.FromGuest(task.Mm, range);
        errno = BlockingIo.Write(task, file, ref source, out long done);
        file.AfterWrite(done);
        return SyscallResult.Partial(errno, done);
    }

    /// <summary>ssize_t pread64(int fd, void *buf, size_t count, off_t offset)</summary>
    public static SyscallResult PRead64(Task task, in SyscallArguments args)
    {
        Errno errno = IovecArgument.Read(args.Address(1), args[2], out GuestRange range);
        if (args.Long(3) < 0)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        Errno access = CheckPositional(reference.File, MayAccess.Read);
        if (access != Errno.None || errno != Errno.None)
        {
            return access != Errno.None ? access : errno;
        }

        IoSequence destination = IoSequence.FromGuest(task.Mm, range);
        return ReadAt(task, reference.File!, ref destination, args.Long(3));
    }

    /// <summary>ssize_t pwrite64(int fd, const void *buf, size_t count, off_t offset)</summary>
    public static SyscallResult PWrite64(Task task, in SyscallArguments args)
    {
        Errno errno = IovecArgument.Read(args.Address(1), args[2], out GuestRange range);
        if (args.Long(3) < 0)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        Errno access = CheckPositional(reference.File, MayAccess.Write);
        if (access != Errno.None || errno != Errno.None)
        {
            return access != Errno.None ? access : errno;
        }

        IoSequence source = IoSequence.FromGuest(task.Mm, range);
        return WriteAt(task, reference.File!, ref source, args.Long(3));
    }

    /// <summary>off_t lseek(int fd, off_t offset, int whence)</summary>
    public static SyscallResult LSeek(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        int whence = args.Int(2);
        if (whence is < 0 or > Fcntl.SEEK_MAX)
        {
            return Errno.EINVAL;
        }

        Errno errno = file.Seek(task, args.Long(1), whence, out long result);
        return SyscallResult.From(errno, result);
    }

    /// <summary>A read of asynchronous I/O: at the offset where there are offsets.</summary>
    internal static SyscallResult ReadFor(Task task, FileDescription file, ref IoSequence destination, long offset)
    {
        if (file.IsSeekable)
        {
            return ReadAt(task, file, ref destination, offset);
        }

        Errno errno = BlockingIo.Read(task, file, ref destination, out long done);
        file.AfterRead(done);
        return SyscallResult.Partial(errno, done);
    }

    /// <summary>A write of asynchronous I/O: at the offset where there are offsets.</summary>
    internal static SyscallResult WriteFor(Task task, FileDescription file, ref IoSequence source, long offset)
    {
        if (file.IsSeekable)
        {
            return WriteAt(task, file, ref source, offset);
        }

        Errno errno = BlockingIo.Write(task, file, ref source, out long done);
        file.AfterWrite(done);
        return SyscallResult.Partial(errno, done);
    }

    /// <summary>
    /// EBADF without a descriptor, ESPIPE without positions, EBADF without the right: in Linux's order.
    /// </summary>
    private static Errno CheckPositional(FileDescription? file, MayAccess access)
    {
        if (file is null || file.IsPathOnly)
        {
            return Errno.EBADF;
        }

        if (!(access == MayAccess.Read ? file.IsSeekable : file.TakesPositionedWrites))
        {
            return Errno.ESPIPE;
        }

        bool allowed = access == MayAccess.Read ? file.CanRead : file.CanWrite;
        return allowed ? Errno.None : Errno.EBADF;
    }

    private static SyscallResult ReadAt(Task task, FileDescription file, ref IoSequence destination, long offset)
    {
        long done = 0;
        Errno errno = FileDescription.CheckSpan(offset, destination.Remaining);
        errno = errno == Errno.None ? file.PRead(task, ref destination, offset, out done) : errno;
        file.AfterRead(done);
        return SyscallResult.Partial(errno, done);
    }

    private static SyscallResult WriteAt(Task task, FileDescription file, ref IoSequence source, long offset)
    {
        Errno errno = FileDescription.CheckSpan(offset, source.Remaining);
        errno = errno == Errno.None ? file.LimitWrite(task, ref source, offset) : errno;
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = file.PWrite(task, ref source, offset, out long done, out _);
        file.AfterWrite(done);
        return SyscallResult.Partial(errno, done);
    }
}
