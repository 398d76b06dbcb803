using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>sendfile(2), copy_file_range(2): through a buffer of the task, one copy in and one out.</summary>
public static class CopySyscalls
{
    /// <summary>ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)</summary>
    public static SyscallResult SendFile(Task task, in SyscallArguments args)
    {
        using FdReference output = task.FdTable.Borrow(args.Int(0));
        using FdReference input = task.FdTable.Borrow(args.Int(1));
        if (input.File is not { CanRead: true } source)
        {
            return Errno.EBADF;
        }

        GuestAddress offsetAddress = args.Address(2);
        if (!offsetAddress.IsNull && !source.IsSeekable)
        {
            return Errno.ESPIPE;
        }

        if (output.File is not { CanWrite: true } target)
        {
            return Errno.EBADF;
        }

        if (!source.IsSeekable || source.Inode.FileType == StatMode.S_IFDIR || (target.Flags & Fcntl.O_APPEND) != 0)
        {
            return Errno.EINVAL;
        }

        long? offset = null;
        if (!offsetAddress.IsNull)
        {
            Errno read = task.Mm.Read(offsetAddress, out long given);
            if (read != Errno.None || given < 0)
            {
                return read != Errno.None ? read : Errno.EINVAL;
            }

            offset = given;
        }

        Errno errno =
            Send(task, source, target, ref offset, (long)Math.Min(args[3], IovecArgument.MaxBytes), out long done);
        source.AfterRead(done);
        target.AfterWrite(done);
        if (offset is { } end && task.Mm.Write(offsetAddress, end) != Errno.None)
        {
            return Errno.EFAULT;
        }

        return SyscallResult.Partial(errno, done);
    }

    /// <summary>
    /// ssize_t copy_file_range(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t size, unsigned int flags)
    /// </summary>
    public static SyscallResult CopyFileRange(Task task, in SyscallArguments args)
    {
        using FdReference input = task.FdTable.Borrow(args.Int(0));
        using FdReference output = task.FdTable.Borrow(args.Int(2));
        if (input.File is not { } source || output.File is not { } target)
        {
            return Errno.EBADF;
        }

        Errno errno = ReadOffset(task, source, args.Address(1), out long from);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ReadOffset(task, target, args.Address(3), out long to);
        errno = errno != Errno.None || args.UInt(5) == 0 ? errno : Errno.EINVAL;
        errno = errno != Errno.None ? errno : CheckCopy(source, target, from, to, args[4]);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = Copy(task, source, target, ref from, ref to, (long)Math.Min(args[4], IovecArgument.MaxBytes),
            out long done);
        source.AfterRead(done);
        target.AfterWrite(done);
        bool stored = StoreOffset(task, source, args.Address(1), from)
            && StoreOffset(task, target, args.Address(3), to);
        return stored ? SyscallResult.Partial(errno, done) : Errno.EFAULT;
    }

    /// <summary>
    /// generic_copy_file_checks: regular files of one file system, no overlap within one file, no O_APPEND.
    /// </summary>
    private static Errno CheckCopy(FileDescription source, FileDescription target, long from, long to, ulong length)
    {
        uint sourceType = source.Inode.FileType;
        uint targetType = target.Inode.FileType;
        if (sourceType == StatMode.S_IFDIR || targetType == StatMode.S_IFDIR)
        {
            return Errno.EISDIR;
        }

        if (sourceType != StatMode.S_IFREG || targetType != StatMode.S_IFREG)
        {
            return Errno.EINVAL;
        }

        if (!source.CanRead || !target.CanWrite || (target.Flags & Fcntl.O_APPEND) != 0)
        {
            return Errno.EBADF;
        }

        if (source.Inode.SuperBlock != target.Inode.SuperBlock)
        {
            return Errno.EXDEV;
        }

        long bytes = (long)Math.Min(length, long.MaxValue);
        if (from < 0 || to < 0 || from > long.MaxValue - bytes || to > long.MaxValue - bytes)
        {
            return from < 0 || to < 0 ? Errno.EINVAL : Errno.EOVERFLOW;
        }

        bool overlaps = source.Inode == target.Inode && from < to + bytes && to < from + bytes;
        return overlaps ? Errno.EINVAL : Errno.None;
    }

    private static Errno Copy(
        Task task,
        FileDescription source,
        FileDescription target,
        ref long from,
        ref long to,
        long maxBytes,
        out long done)
    {
        done = 0;
        byte[] buffer = task.TransferBuffer;
        while (done < maxBytes && !(done > 0 && task.HasPendingInterrupt))
        {
            int wanted = (int)Math.Min(buffer.Length, maxBytes - done);
            IoSequence destination = IoSequence.FromBuffer(buffer.AsSpan(0, wanted));
            Errno errno = source.PRead(task, ref destination, from, out long got);
            if (errno != Errno.None || got == 0)
            {
                return errno;
            }

            IoSequence bytes = IoSequence.FromBuffer(buffer.AsSpan(0, (int)got));
            errno = target.LimitWrite(task, ref bytes, to);
            long put = 0;
            errno = errno != Errno.None ? errno : target.PWrite(task, ref bytes, to, out put, out _);
            from += put;
            to += put;
            done += put;
            if (errno != Errno.None || put < got)
            {
                return errno;
            }
        }

        return Errno.None;
    }

    /// <summary>Moves bytes to any file; the source's position moves by what the target took.</summary>
    private static Errno Send(
        Task task,
        FileDescription source,
        FileDescription target,
        ref long? offset,
        long maxBytes,
        out long done)
    {
        done = 0;
        Errno span = FileDescription.CheckSpan(offset ?? source.Position, maxBytes);
        if (span != Errno.None)
        {
            return span;
        }

        byte[] buffer = task.TransferBuffer;
        while (done < maxBytes && !(done > 0 && task.HasPendingInterrupt))
        {
            int wanted = (int)Math.Min(buffer.Length, maxBytes - done);
            long at = offset ?? source.Position;
            IoSequence destination = IoSequence.FromBuffer(buffer.AsSpan(0, wanted));
            Errno errno = source.PRead(task, ref destination, at, out long got);
            if (errno != Errno.None || got == 0)
            {
                return errno;
            }

            IoSequence bytes = IoSequence.FromBuffer(buffer.AsSpan(0, (int)got));
            errno = BlockingIo.Write(task, target, ref bytes, out long put);
            Advance(source, ref offset, at + put);
            done += put;
            if (errno != Errno.None || put < got)
            {
                return errno;
            }
        }

        return Errno.None;
    }

    private static void Advance(FileDescription source, ref long? offset, long end)
    {
        if (offset is not null)
        {
            offset = end;
            return;
        }

        using (source.PositionLock.Enter())
        {
            source.Position = end;
        }
    }

    /// <summary>The offset given, or the file's position.</summary>
    private static Errno ReadOffset(Task task, FileDescription file, GuestAddress address, out long offset)
    {
        offset = file.Position;
        return address.IsNull ? Errno.None : task.Mm.Read(address, out offset);
    }

    private static bool StoreOffset(Task task, FileDescription file, GuestAddress address, long offset)
    {
        if (!address.IsNull)
        {
            return task.Mm.Write(address, offset) == Errno.None;
        }

        using (file.PositionLock.Enter())
        {
            file.Position = offset;
        }

        return true;
    }
}
