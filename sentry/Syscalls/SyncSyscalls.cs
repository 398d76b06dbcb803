using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>sync(2), fsync(2), fallocate(2), posix_fadvise(2), readahead(2).</summary>
public static class SyncSyscalls
{
    private const uint SyncRangeFlags = SyncFileRange.SYNC_FILE_RANGE_WAIT_BEFORE | SyncFileRange.SYNC_FILE_RANGE_WRITE
        | SyncFileRange.SYNC_FILE_RANGE_WAIT_AFTER;

    private const int AllocateModes = Falloc.FALLOC_FL_KEEP_SIZE | Falloc.FALLOC_FL_PUNCH_HOLE
        | Falloc.FALLOC_FL_COLLAPSE_RANGE | Falloc.FALLOC_FL_ZERO_RANGE | Falloc.FALLOC_FL_INSERT_RANGE
        | Falloc.FALLOC_FL_UNSHARE_RANGE;

    /// <summary>void sync(void)</summary>
    public static SyscallResult Sync(Task task, in SyscallArguments args)
    {
        task.Kernel.Vfs.SyncAll(task);
        return SyscallResult.Ok;
    }

    /// <summary>int fsync(int fd)</summary>
    public static SyscallResult FSync(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is { IsPathOnly: false } file ? file.Sync(task) : Errno.EBADF;
    }

    /// <summary>int syncfs(int fd)</summary>
    public static SyscallResult SyncFs(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is { IsPathOnly: false } file ? file.Inode.SuperBlock.Sync(task) : Errno.EBADF;
    }

    /// <summary>int sync_file_range(int fd, off_t offset, off_t nbytes, unsigned int flags)</summary>
    public static SyscallResult SyncRange(Task task, in SyscallArguments args)
    {
        long offset = args.Long(1);
        long length = args.Long(2);
        if ((args.UInt(3) & ~SyncRangeFlags) != 0 || offset < 0 || length < 0 || offset > long.MaxValue - length)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        if (file.Inode.FileType is not (StatMode.S_IFREG or StatMode.S_IFBLK or StatMode.S_IFDIR or StatMode.S_IFLNK))
        {
            return Errno.ESPIPE;
        }

        bool waits = (args.UInt(3) & SyncFileRange.SYNC_FILE_RANGE_WAIT_AFTER) != 0;
        return waits ? file.Sync(task) : Errno.None;
    }

    /// <summary>int fallocate(int fd, int mode, off_t offset, off_t len)</summary>
    public static SyscallResult FAllocate(Task task, in SyscallArguments args)
    {
        long offset = args.Long(2);
        long length = args.Long(3);
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        Errno errno = CheckAllocation(task, file, args.Int(1), offset, length);
        errno = errno != Errno.None ? errno : file.Allocate(task, args.Int(1), offset, length);
        if (errno == Errno.None)
        {
            file.AfterWrite(1);
        }

        return errno;
    }

    /// <summary>
    /// int fadvise64(int fd, off_t offset, off_t len, int advice): advice is taken note of and nothing else.
    /// </summary>
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

        bool known = args.Int(3) is >= Fcntl.POSIX_FADV_NORMAL and <= Fcntl.POSIX_FADV_NOREUSE;
        return known && args.Long(2) >= 0 ? Errno.None : Errno.EINVAL;
    }

    /// <summary>ssize_t readahead(int fd, off64_t offset, size_t count)</summary>
    public static SyscallResult ReadAhead(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { CanRead: true } file)
        {
            return Errno.EBADF;
        }

        bool isCached = file.Inode.FileType is StatMode.S_IFREG or StatMode.S_IFBLK;
        return isCached && args.Long(2) >= 0 ? Errno.None : Errno.EINVAL;
    }

    /// <summary>The checks of vfs_fallocate in its order.</summary>
    private static Errno CheckAllocation(Task task, FileDescription file, int mode, long offset, long length)
    {
        if (offset < 0 || length <= 0)
        {
            return Errno.EINVAL;
        }

        const int Punch = Falloc.FALLOC_FL_PUNCH_HOLE | Falloc.FALLOC_FL_KEEP_SIZE;
        bool badPunch = (mode & Falloc.FALLOC_FL_PUNCH_HOLE) != 0 && (mode & Punch) != Punch;
        if ((mode & ~AllocateModes) != 0 || badPunch)
        {
            return Errno.EOPNOTSUPP;
        }

        const int Shifts = Falloc.FALLOC_FL_COLLAPSE_RANGE | Falloc.FALLOC_FL_INSERT_RANGE;
        if ((mode & Shifts) != 0 && (mode & (mode - 1)) != 0)
        {
            return Errno.EINVAL;
        }

        if (!file.CanWrite)
        {
            return Errno.EBADF;
        }

        bool rewrites = (mode & ~Falloc.FALLOC_FL_KEEP_SIZE) != 0;
        if ((rewrites && file.Inode.IsAppendOnly) || file.Inode.IsImmutable)
        {
            return Errno.EPERM;
        }

        switch (file.Inode.FileType)
        {
            case StatMode.S_IFIFO:
                return Errno.ESPIPE;
            case StatMode.S_IFDIR:
                return Errno.EISDIR;
            case StatMode.S_IFREG:
                break;
            default:
                return Errno.ENODEV;
        }

        if (offset > long.MaxValue - length)
        {
            return Errno.EFBIG;
        }

        bool grows = (mode & Falloc.FALLOC_FL_KEEP_SIZE) == 0;
        return grows ? FileLimits.CheckSize(task, file.Inode, offset + length) : Errno.None;
    }
}
