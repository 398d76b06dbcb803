using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>Calls that bring data to stable storage, and advice about it.</summary>
public static class SyncSyscalls
{
    private const int AdviceMax = 5;

    /// <summary>int fsync(int fd)</summary>
    public static SyscallResult FSync(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is not { IsPathOnly: false } file ? Errno.EBADF : file.Sync(task);
    }

    /// <summary>void sync(void)</summary>
    public static SyscallResult Sync(Task task, in SyscallArguments args) => SyscallResult.Ok;

    /// <summary>int syncfs(int fd)</summary>
    public static SyscallResult SyncFs(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is not { IsPathOnly: false } file ? Errno.EBADF : file.Inode.SuperBlock.Sync(task);
    }

    /// <summary>int sync_file_range(int fd, off_t offset, off_t nbytes, unsigned int flags)</summary>
    public static SyscallResult SyncFileRange(Task task, in SyscallArguments args)
    {
        const uint KnownFlags = 7;
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        bool isSane = args.Long(1) >= 0 && args.Long(2) >= 0 && (args.UInt(3) & ~KnownFlags) == 0;
        if (!isSane)
        {
            return Errno.EINVAL;
        }

        return file.IsSeekable ? file.Sync(task) : Errno.ESPIPE;
    }

    /// <summary>ssize_t readahead(int fd, off_t offset, size_t count): the pages are where the host keeps
    /// them.</summary>
    public static SyscallResult ReadAhead(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file || (file.Flags & Fcntl.O_ACCMODE) == Fcntl.O_WRONLY)
        {
            return Errno.EBADF;
        }

        return file.Inode.FileType == StatMode.S_IFREG ? SyscallResult.Ok : Errno.EINVAL;
    }

    /// <summary>int fadvise64(int fd, off_t offset, off_t len, int advice)</summary>
    public static SyscallResult FAdvise(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        if (file.Inode.FileType == StatMode.S_IFIFO)
        {
            return Errno.ESPIPE;
        }

        return args.Long(2) < 0 || args.Int(3) is < 0 or > AdviceMax ? Errno.EINVAL : SyscallResult.Ok;
    }
}
