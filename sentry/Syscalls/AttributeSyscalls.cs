using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>chmod(2), chown(2), truncate(2), utimensat(2) and their older forms.</summary>
public static class AttributeSyscalls
{
    private const long UtimeNow = (1L << 30) - 1;
    private const long UtimeOmit = (1L << 30) - 2;
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const long MicrosecondsPerSecond = 1_000_000;
    private const uint Unchanged = uint.MaxValue;

    /// <summary>int chmod(const char *pathname, mode_t mode)</summary>
    public static SyscallResult ChMod(Task task, in SyscallArguments args) =>
        ChMod(task, Fcntl.AT_FDCWD, args.Address(0), args.UInt(1), 0);

    /// <summary>int fchmod(int fd, mode_t mode)</summary>
    public static SyscallResult FChMod(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is not { IsPathOnly: false } file
            ? Errno.EBADF
            : task.Kernel.Vfs.ChangeMode(task, file.GetPath(), args.UInt(1));
    }

    /// <summary>int fchmodat(int dirfd, const char *pathname, mode_t mode): the system call has no flags.</summary>
    public static SyscallResult FChModAt(Task task, in SyscallArguments args) =>
        ChMod(task, args.Int(0), args.Address(1), args.UInt(2), 0);

    /// <summary>int fchmodat2(int dirfd, const char *pathname, mode_t mode, unsigned int flags)</summary>
    public static SyscallResult FChModAt2(Task task, in SyscallArguments args) =>
        ChMod(task, args.Int(0), args.Address(1), args.UInt(2), args.Int(3));

    /// <summary>int chown(const char *pathname, uid_t owner, gid_t group)</summary>
    public static SyscallResult ChOwn(Task task, in SyscallArguments args) =>
        ChOwn(task, Fcntl.AT_FDCWD, args.Address(0), args.UInt(1), args.UInt(2), 0);

    /// <summary>int lchown(const char *pathname, uid_t owner, gid_t group)</summary>
    public static SyscallResult LChOwn(Task task, in SyscallArguments args) =>
        ChOwn(task, Fcntl.AT_FDCWD, args.Address(0), args.UInt(1), args.UInt(2), Fcntl.AT_SYMLINK_NOFOLLOW);

    /// <summary>int fchown(int fd, uid_t owner, gid_t group)</summary>
    public static SyscallResult FChOwn(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is not { IsPathOnly: false } file
            ? Errno.EBADF
            : ChOwn(task, file.GetPath(), args.UInt(1), args.UInt(2));
    }

    /// <summary>int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags)</summary>
    public static SyscallResult FChOwnAt(Task task, in SyscallArguments args) =>
        ChOwn(task, args.Int(0), args.Address(1), args.UInt(2), args.UInt(3), args.Int(4));

    /// <summary>int truncate(const char *path, off_t length)</summary>
    public static SyscallResult Truncate(Task task, in SyscallArguments args)
    {
        if (args.Long(1) < 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = Find(task, Fcntl.AT_FDCWD, args.Address(0), 0, out VfsPath place);
        return errno != Errno.None ? errno : task.Kernel.Vfs.TruncatePath(task, place, args.Long(1));
    }

    /// <summary>int ftruncate(int fd, off_t length)</summary>
    public static SyscallResult FTruncate(Task task, in SyscallArguments args)
    {
        if (args.Long(1) < 0)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        bool allowed = file.CanWrite && file.Inode.FileType == StatMode.S_IFREG;
        return allowed ? task.Kernel.Vfs.Truncate(task, file.GetPath(), args.Long(1)) : Errno.EINVAL;
    }

    /// <summary>int utime(const char *filename, const struct utimbuf *times)</summary>
    public static SyscallResult UTime(Task task, in SyscallArguments args)
    {
        TimeChange access = TimeChange.Now;
        TimeChange modify = TimeChange.Now;
        if (!args.Address(1).IsNull)
        {
            Errno errno = task.Mm.Read(args.Address(1), out Utimbuf times);
            if (errno != Errno.None)
            {
                return errno;
            }

            access = Given(times.actime, 0);
            modify = Given(times.modtime, 0);
        }

        return SetTimes(task, Fcntl.AT_FDCWD, args.Address(0), 0, access, modify);
    }

    /// <summary>int utimes(const char *filename, const struct timeval times[2])</summary>
    public static SyscallResult UTimes(Task task, in SyscallArguments args) =>
        SetFromTimevals(task, Fcntl.AT_FDCWD, args.Address(0), args.Address(1));

    /// <summary>int futimesat(int dirfd, const char *pathname, const struct timeval times[2])</summary>
    public static SyscallResult FUTimesAt(Task task, in SyscallArguments args) =>
        SetFromTimevals(task, args.Int(0), args.Address(1), args.Address(2));

    /// <summary>
    /// int utimensat(int dirfd, const char *pathname, const struct timespec times[2], int flags): a null path names the
    /// descriptor.
    /// </summary>
    public static SyscallResult UTimeNsAt(Task task, in SyscallArguments args)
    {
        TimeChange access = TimeChange.Now;
        TimeChange modify = TimeChange.Now;
        if (!args.Address(2).IsNull)
        {
            Errno errno = ReadTimespec(task, args.Address(2), out access);
            errno = errno != Errno.None ? errno : ReadTimespec(task, args.Address(2).Field(16), out modify);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (access.Kind == TimeChangeKind.Omit && modify.Kind == TimeChangeKind.Omit)
            {
                return SyscallResult.Ok;
            }
        }

        return SetTimes(task, args.Int(0), args.Address(1), args.Int(3), access, modify);
    }

    private static SyscallResult ChMod(Task task, int directoryFd, GuestAddress address, uint mode, int flags)
    {
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = Find(task, directoryFd, address, flags, out VfsPath place);
        return errno != Errno.None ? errno : task.Kernel.Vfs.ChangeMode(task, place, mode);
    }

    private static SyscallResult ChOwn(Task task, int directoryFd, GuestAddress address, uint uid, uint gid, int flags)
    {
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = Find(task, directoryFd, address, flags, out VfsPath place);
        return errno != Errno.None ? errno : ChOwn(task, place, uid, gid);
    }

    private static Errno ChOwn(Task task, VfsPath place, uint uid, uint gid)
    {
        uint? newUid = null;
        uint? newGid = null;
        if (uid != Unchanged)
        {
            if (!task.TryToKernelUid(uid, out uint kuid))
            {
                return Errno.EINVAL;
            }

            newUid = kuid;
        }

        if (gid != Unchanged)
        {
            if (!task.TryToKernelGid(gid, out uint kgid))
            {
                return Errno.EINVAL;
            }

            newGid = kgid;
        }

        return task.Kernel.Vfs.ChangeOwner(task, place, newUid, newGid);
    }

    private static Errno Find(Task task, int directoryFd, GuestAddress address, int flags, out VfsPath place)
    {
        place = default;
        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        return errno != Errno.None
            ? errno
            : task.Kernel.Vfs.Lookup(task, directoryFd, path, PathArgument.FromAtFlags(flags), out place);
    }

    private static SyscallResult SetTimes(
        Task task,
        int directoryFd,
        GuestAddress address,
        int flags,
        TimeChange access,
        TimeChange modify)
    {
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }

        if (address.IsNull && directoryFd != Fcntl.AT_FDCWD)
        {
            using FdReference reference = task.FdTable.Borrow(directoryFd);
            return reference.File is not { IsPathOnly: false } file
                ? Errno.EBADF
                : task.Kernel.Vfs.ChangeTimes(task, file.GetPath(), access, modify);
        }

        Errno errno = Find(task, directoryFd, address, flags, out VfsPath place);
        return errno != Errno.None ? errno : task.Kernel.Vfs.ChangeTimes(task, place, access, modify);
    }

    private static SyscallResult SetFromTimevals(Task task, int directoryFd, GuestAddress path, GuestAddress times)
    {
        TimeChange access = TimeChange.Now;
        TimeChange modify = TimeChange.Now;
        if (!times.IsNull)
        {
            Errno errno = ReadTimeval(task, times, out access);
            errno = errno != Errno.None ? errno : ReadTimeval(task, times.Field(16), out modify);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return SetTimes(task, directoryFd, path, 0, access, modify);
    }

    private static Errno ReadTimespec(Task task, GuestAddress address, out TimeChange change)
    {
        change = default;
        Errno errno = task.Mm.Read(address, out Timespec time);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (time.tv_nsec is UtimeNow or UtimeOmit)
        {
            change = time.tv_nsec == UtimeNow ? TimeChange.Now : new TimeChange(TimeChangeKind.Omit, 0);
            return Errno.None;
        }

        change = Given(time.tv_sec, time.tv_nsec);
        return time.tv_nsec is >= 0 and < NanosecondsPerSecond ? Errno.None : Errno.EINVAL;
    }

    private static Errno ReadTimeval(Task task, GuestAddress address, out TimeChange change)
    {
        Errno errno = task.Mm.Read(address, out Timeval time);
        bool valid = time.tv_usec is >= 0 and < MicrosecondsPerSecond;
        change = Given(time.tv_sec, valid ? time.tv_usec * 1000 : 0);
        return errno != Errno.None ? errno : valid ? Errno.None : Errno.EINVAL;
    }

    /// <summary>
    /// A time given; seconds beyond what 64-bit ns can say are clamped, as a file system clamps to its range.
    /// </summary>
    private static TimeChange Given(long seconds, long nanoseconds)
    {
        const long MaxSeconds = (long.MaxValue / NanosecondsPerSecond) - 1;
        long clamped = Math.Clamp(seconds, -MaxSeconds, MaxSeconds);
        return new TimeChange(TimeChangeKind.Given, (clamped * NanosecondsPerSecond) + nanoseconds);
    }
}
