using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>cachestat(2).</summary>
public static partial class FileSyscalls
{
    private const ulong PageBytes = 4096;

    /// <summary>
    /// int cachestat(unsigned int fd, struct cachestat_range *range, struct cachestat *cstat, unsigned int flags):
    /// pages are never dirty or evicted here, for there is nothing behind them.
    /// </summary>
    public static SyscallResult CacheStat(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        Errno errno = task.Mm.Read(args.Address(1), out CachestatRange range);
        errno = errno != Errno.None ? errno : MayAskForCache(task, file);
        if (errno != Errno.None || args.UInt(3) != 0)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        ulong start = range.off & ~(PageBytes - 1);
        ulong end = range.len == 0 || range.off + range.len < range.off
            ? ulong.MaxValue & ~(PageBytes - 1)
            : (range.off + range.len + PageBytes - 1) & ~(PageBytes - 1);
        Cachestat result = new() { nr_cache = end > start ? file.Inode.CachedBytes(start, end) / PageBytes : 0 };
        return task.Mm.Write(args.Address(2), in result);
    }

    /// <summary>What of a file is in memory tells what others do with it: for those who may write it.</summary>
    private static Errno MayAskForCache(Task task, FileDescription file)
    {
        Errno errno = file.Inode.GetOwner(out InodeOwner owner);
        if (errno != Errno.None || file.CanWrite || Permissions.IsOwnerOrCapable(task.Credentials, in owner))
        {
            return errno;
        }

        return Permissions.Check(task, file.Inode, MayAccess.Write) == Errno.None ? Errno.None : Errno.EPERM;
    }
}
