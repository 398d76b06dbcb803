using System;
using Abi.Linux;
using Sentry.Fs.EventFd;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>io_submit(2).</summary>
public static partial class AioSyscalls
{
    private const int KeyOffset = 8;

    /// <summary>io_submit(ctx_id, long nr, struct iocb **iocbpp): how many were taken; the error of the first when it
    /// was refused.</summary>
    public static SyscallResult Submit(Task task, in SyscallArguments args)
    {
        long count = args.Long(1);
        AioContext? context = task.Mm.AioContexts?.Find(args[0]);
        if (count < 0 || context is null)
        {
            return Errno.EINVAL;
        }

        long done = 0;
        Errno errno = Errno.None;
        while (done < count && errno == Errno.None && (done == 0 || !task.IsKilled))
        {
            ulong request = 0;
            bool fits = args.Address(2).TryAdd(unchecked((ulong)done * sizeof(ulong)), out GuestAddress at);
            errno = fits ? task.Mm.Read(at, out request) : Errno.EFAULT;
            errno = errno != Errno.None ? errno : SubmitOne(task, context, new GuestAddress(request));
            done += errno == Errno.None ? 1 : 0;
        }

        return SyscallResult.Partial(errno, done);
    }

    /// <summary>Checks in the order of fs/aio.c, io_submit_one; then the operation runs and its completion is
    /// queued.</summary>
    private static Errno SubmitOne(Task task, AioContext context, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out Iocb request);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (request.aio_reserved2 != 0 || request.aio_nbytes > long.MaxValue)
        {
            return Errno.EINVAL;
        }

        if (!context.HasRoom)
        {
            return Errno.EAGAIN;
        }

        using FdReference reference = task.FdTable.Borrow((int)request.aio_fildes);
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        bool signals = (request.aio_flags & AioAbi.IOCB_FLAG_RESFD) != 0;
        using FdReference counter = task.FdTable.Borrow(signals ? (int)request.aio_resfd : -1);
        if (signals && counter.File is not EventFdDescription)
        {
            return counter.File is null ? Errno.EBADF : Errno.EINVAL;
        }

        errno = task.Mm.Write(address.Field(KeyOffset), 0);
        SyscallResult result = default;
        errno = errno != Errno.None ? errno : Perform(task, file, request, out result);
        if (errno != Errno.None)
        {
            return errno;
        }

        context.Complete(new IoEvent { data = request.aio_data, obj = address.Value, res = result.Value });
        (counter.File as EventFdDescription)?.Add(1);
        return Errno.None;
    }

    /// <summary>Runs the operation. An errno refuses the request; what the operation itself says is the
    /// completion.</summary>
    private static Errno Perform(Task task, FileDescription file, in Iocb request, out SyscallResult result)
    {
        result = SyscallResult.Ok;
        switch (request.aio_lio_opcode)
        {
            case AioAbi.IOCB_CMD_PREAD or AioAbi.IOCB_CMD_PREADV:
                return file.CanRead ? Move(task, file, request, MayAccess.Read, out result) : Errno.EBADF;
            case AioAbi.IOCB_CMD_PWRITE or AioAbi.IOCB_CMD_PWRITEV:
                return file.CanWrite ? Move(task, file, request, MayAccess.Write, out result) : Errno.EBADF;
            case AioAbi.IOCB_CMD_FSYNC or AioAbi.IOCB_CMD_FDSYNC:
                bool isPlain = request is { aio_buf: 0, aio_offset: 0, aio_nbytes: 0, aio_rw_flags: 0 };
                result = isPlain ? file.Sync(task) : Errno.EINVAL;
                return isPlain ? Errno.None : Errno.EINVAL;
            default:
                return Errno.EINVAL;
        }
    }

    private static Errno Move(
        Task task, FileDescription file, in Iocb request, MayAccess access, out SyscallResult result)
    {
        result = SyscallResult.Ok;
        bool isVector = request.aio_lio_opcode is AioAbi.IOCB_CMD_PREADV or AioAbi.IOCB_CMD_PWRITEV;
        if (request.aio_rw_flags != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        GuestAddress buffer = new(request.aio_buf);
        Span<GuestRange> inline = stackalloc GuestRange[IovecArgument.Inline];
        Span<GuestRange> ranges = inline[..1];
        Errno errno = isVector
            ? IovecArgument.Read(task, buffer, request.aio_nbytes, inline, out ranges)
            : IovecArgument.Read(buffer, request.aio_nbytes, out inline[0]);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (file.IsSeekable && request.aio_offset < 0)
        {
            return Errno.EINVAL;
        }

        IoSequence bytes = IoSequence.FromGuest(task.Mm, ranges);
        result = access == MayAccess.Read
            ? FileSyscalls.ReadFor(task, file, ref bytes, request.aio_offset)
            : FileSyscalls.WriteFor(task, file, ref bytes, request.aio_offset);
        bool interrupted = result.IsError && -result.Value >= (long)Errno.ERESTARTSYS;
        result = interrupted ? Errno.EINTR : result;
        return Errno.None;
    }
}
