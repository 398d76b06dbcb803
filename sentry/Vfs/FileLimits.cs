using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Resource limits that files obey (getrlimit(2)).</summary>
internal static class FileLimits
{
    /// <summary>Largest descriptor table (fs.nr_open).</summary>
    internal const int MaxDescriptors = 1024 * 1024;

    /// <summary>Descriptors the task may have: RLIMIT_NOFILE, bounded by fs.nr_open.</summary>
    internal static int OpenFiles(Task task)
    {
        ulong limit = SoftLimit(task, Resource.RLIMIT_NOFILE);
        return limit > MaxDescriptors ? MaxDescriptors : (int)limit;
    }

    /// <summary>Largest size the task may give the file; EFBIG is the answer above.</summary>
    internal static long MaxFileBytes(Task task, Inode inode)
    {
        ulong limit = SoftLimit(task, Resource.RLIMIT_FSIZE);
        long own = inode.SuperBlock.MaxFileBytes;
        return limit < (ulong)own ? (long)limit : own;
    }

    /// <summary>
    /// EFBIG for a size above the file system's or RLIMIT_FSIZE, the latter with SIGXFSZ (inode_newsize_ok).
    /// </summary>
    internal static Errno CheckSize(Task task, Inode inode, long sizeBytes)
    {
        if ((ulong)sizeBytes > SoftLimit(task, Resource.RLIMIT_FSIZE))
        {
            _ = task.SendSignal(SigInfos.FromKernel(Signals.SIGXFSZ));
            return Errno.EFBIG;
        }

        return sizeBytes > inode.SuperBlock.MaxFileBytes ? Errno.EFBIG : Errno.None;
    }

    private static ulong SoftLimit(Task task, int resource) =>
        task.ThreadGroup.Limits.Soft(resource);
}
