using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>splice(2), tee(2), vmsplice(2): at least one side is a pipe, which does the moving.</summary>
public static class SpliceSyscalls
{
    private const uint KnownFlags = Splice.SPLICE_F_MOVE | Splice.SPLICE_F_NONBLOCK | Splice.SPLICE_F_MORE
        | Splice.SPLICE_F_GIFT;

    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM | Epoll.EPOLLHUP;
    private const uint WriteEvents = Epoll.EPOLLOUT | Epoll.EPOLLWRNORM | Epoll.EPOLLERR;

    /// <summary>
    /// ssize_t splice(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t size, unsigned int flags)
    /// </summary>
    public static SyscallResult Move(Task task, in SyscallArguments args)
    {
        if ((args.UInt(5) & ~KnownFlags) != 0)
        {
            return Errno.EINVAL;
        }

        if (args[4] == 0)
        {
            return SyscallResult.Ok;
        }

        using FdReference input = task.FdTable.Borrow(args.Int(0));
        using FdReference output = task.FdTable.Borrow(args.Int(2));
        if (input.File is not { CanRead: true } source || output.File is not { CanWrite: true } target)
        {
            return Errno.EBADF;
        }

        SpliceRequest request = new()
        {
            Source = source,
            Target = target,
            MaxBytes = (long)Math.Min(args[4], IovecArgument.MaxBytes),
            Wait = (args.UInt(5) & Splice.SPLICE_F_NONBLOCK) != 0 ? SpliceWait.Never : SpliceWait.Allowed,
        };
        Errno errno = ReadOffset(task, source, args.Address(1), out request.SourceOffset);
        errno = errno != Errno.None ? errno : ReadOffset(task, target, args.Address(3), out request.TargetOffset);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = CheckEnds(in request);
        long done = 0;
        errno = errno != Errno.None ? errno : MoveWaiting(task, ref request, out done);
        if (done > 0)
        {
            WriteOffset(task, args.Address(1), request.SourceOffset);
            WriteOffset(task, args.Address(3), request.TargetOffset);
            source.AfterRead(done);
            target.AfterWrite(done);
        }

        return SyscallResult.Partial(errno, done);
    }

    /// <summary>ssize_t tee(int fd_in, int fd_out, size_t size, unsigned int flags)</summary>
    public static SyscallResult Tee(Task task, in SyscallArguments args)
    {
        if ((args.UInt(3) & ~KnownFlags) != 0)
        {
            return Errno.EINVAL;
        }

        if (args[2] == 0)
        {
            return SyscallResult.Ok;
        }

        using FdReference input = task.FdTable.Borrow(args.Int(0));
        using FdReference output = task.FdTable.Borrow(args.Int(1));
        if (input.File is not { CanRead: true } source || output.File is not { CanWrite: true } target)
        {
            return Errno.EBADF;
        }

        if (source is not IPipeEnd from || target is not IPipeEnd to || from.Pipe == to.Pipe)
        {
            return Errno.EINVAL;
        }

        SpliceRequest request = new()
        {
            Source = source,
            Target = target,
            MaxBytes = (long)Math.Min(args[2], IovecArgument.MaxBytes),
            Wait = (args.UInt(3) & Splice.SPLICE_F_NONBLOCK) != 0 ? SpliceWait.Never : SpliceWait.Allowed,
        };
        request.Transfer = PipeTransfer.Duplicate;
        Errno errno = MoveWaiting(task, ref request, out long done);
        return SyscallResult.Partial(errno, done);
    }

    /// <summary>
    /// ssize_t vmsplice(int fd, const struct iovec *iov, size_t nr_segs, unsigned int flags): pages are copied, never
    /// given away.
    /// </summary>
    public static SyscallResult VmSplice(Task task, in SyscallArguments args)
    {
        if ((args.UInt(3) & ~KnownFlags) != 0)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file || file is not IPipeEnd pipe)
        {
            return Errno.EBADF;
        }

        Span<GuestRange> buffer = stackalloc GuestRange[IovecArgument.Inline];
        Errno errno = IovecArgument.Read(task, args.Address(1), args[2], buffer, out Span<GuestRange> ranges);
        if (errno != Errno.None)
        {
            return errno;
        }

        IoSequence sequence = IoSequence.FromGuest(task.Mm, ranges);
        if (sequence.Remaining == 0)
        {
            return SyscallResult.Ok;
        }

        bool waits = (args.UInt(3) & Splice.SPLICE_F_NONBLOCK) == 0;
        long done;
        if (pipe.CanWrite)
        {
            errno = waits
                ? BlockingIo.Write(task, file, ref sequence, out done)
                : file.Write(task, ref sequence, out done);
        }
        else
        {
            errno = waits
                ? BlockingIo.Read(task, file, ref sequence, out done)
                : file.Read(task, ref sequence, out done);
        }

        return SyscallResult.Partial(errno, done);
    }

    /// <summary>One side must be a pipe; a pipe has no offset, and O_APPEND leaves no place to splice to.</summary>
    private static Errno CheckEnds(in SpliceRequest request)
    {
        if (request.Source is IPipeEnd from)
        {
            bool same = request.Target is IPipeEnd to && from.Pipe == to.Pipe;
            bool appends = (request.Target.Flags & Fcntl.O_APPEND) != 0;
            return same || appends ? Errno.EINVAL : Errno.None;
        }

        bool moves = request.Target is IPipeEnd && request.Source.Inode.FileType != StatMode.S_IFDIR;
        return moves ? Errno.None : Errno.EINVAL;
    }

    private static Errno MoveWaiting(Task task, ref SpliceRequest request, out long done)
    {
        Errno errno;
        do
        {
            errno = MoveOnce(task, ref request, out done);
            if (errno != Errno.EAGAIN || done > 0)
            {
                return errno;
            }

            // Both sides may look ready and yet be busy with another call for a while.
            errno = task.HasPendingInterrupt ? Errno.ERESTARTSYS : WaitForEither(task, in request);
        }
        while (errno == Errno.None);
        return errno;
    }

    private static Errno MoveOnce(Task task, ref SpliceRequest request, out long done)
    {
        IPipeEnd? from = request.Source as IPipeEnd;
        IPipeEnd? to = request.Target as IPipeEnd;
        if (from is not null && to is not null)
        {
            return from.TransferTo(task, to, request.Transfer, request.MaxBytes, out done);
        }

        return from is not null
            ? from.SpliceTo(task, request.Target, ref request.TargetOffset, request.MaxBytes, out done)
            : to!.SpliceFrom(task, request.Source, ref request.SourceOffset, request.MaxBytes, out done);
    }

    /// <summary>
    /// Waits for whichever side is not ready. EAGAIN when SPLICE_F_NONBLOCK or O_NONBLOCK forbids it.
    /// </summary>
    private static Errno WaitForEither(Task task, in SpliceRequest request)
    {
        if (request.Wait == SpliceWait.Never)
        {
            return Errno.EAGAIN;
        }

        bool sourceReady = (request.Source.Poll(task) & ReadEvents) != 0;
        return sourceReady
            ? BlockingIo.WaitFor(task, request.Target, WriteEvents)
            : BlockingIo.WaitFor(task, request.Source, ReadEvents);
    }

    /// <summary>An offset where one is given: ESPIPE for pipes, EINVAL for files without positions.</summary>
    private static Errno ReadOffset(Task task, FileDescription file, GuestAddress address, out long? offset)
    {
        offset = null;
        if (address.IsNull)
        {
            return Errno.None;
        }

        if (file is IPipeEnd)
        {
            return Errno.ESPIPE;
        }

        if (!file.IsSeekable)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(address, out long value);
        offset = value;
        return errno == Errno.None && value < 0 ? Errno.EINVAL : errno;
    }

    private static void WriteOffset(Task task, GuestAddress address, long? offset)
    {
        if (offset is { } value)
        {
            _ = task.Mm.Write(address, value);
        }
    }

    /// <summary>SPLICE_F_NONBLOCK or not.</summary>
    private enum SpliceWait
    {
        Allowed,
        Never,
    }

    /// <summary>One splice or tee.</summary>
    private struct SpliceRequest
    {
        internal FileDescription Source;
        internal FileDescription Target;
        internal long? SourceOffset;
        internal long? TargetOffset;
        internal long MaxBytes;
        internal SpliceWait Wait;
        internal PipeTransfer Transfer;
    }
}
