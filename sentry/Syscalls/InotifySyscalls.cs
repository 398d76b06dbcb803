using System;
using Abi.Linux;
using Sentry.Fs.Notify;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2).</summary>
public static class InotifySyscalls
{
    private const uint KnownBits = Inotify.IN_ALL_EVENTS | Inotify.IN_ONLYDIR | Inotify.IN_DONT_FOLLOW
        | Inotify.IN_EXCL_UNLINK | Inotify.IN_MASK_ADD | Inotify.IN_MASK_CREATE | Inotify.IN_ONESHOT
        | Inotify.IN_ISDIR | Inotify.IN_UNMOUNT | Inotify.IN_Q_OVERFLOW | Inotify.IN_IGNORED;

    /// <summary>int inotify_init(void)</summary>
    public static SyscallResult Init(Task task, in SyscallArguments args) => Create(task, 0);

    /// <summary>int inotify_init1(int flags)</summary>
    public static SyscallResult Init1(Task task, in SyscallArguments args)
    {
        int flags = args.Int(0);
        return (flags & ~(Inotify.IN_CLOEXEC | Inotify.IN_NONBLOCK)) != 0 ? Errno.EINVAL : Create(task, flags);
    }

    /// <summary>int inotify_add_watch(int fd, const char *pathname, uint32_t mask)</summary>
    public static SyscallResult AddWatch(Task task, in SyscallArguments args)
    {
        uint mask = args.UInt(2);
        const uint AddAndCreate = Inotify.IN_MASK_ADD | Inotify.IN_MASK_CREATE;
        if ((mask & KnownBits) == 0 || (mask & AddAndCreate) == AddAndCreate)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { } file)
        {
            return Errno.EBADF;
        }

        if (file is not InotifyDescription instance)
        {
            return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, args.Address(1), out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        LookupFlags lookup = (mask & Inotify.IN_DONT_FOLLOW) != 0 ? LookupFlags.None : LookupFlags.Follow;
        lookup |= (mask & Inotify.IN_ONLYDIR) != 0 ? LookupFlags.Directory : LookupFlags.None;
        errno = task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, lookup, out VfsPath place);
        errno = errno != Errno.None ? errno : Permissions.Check(task, place.Dentry.Inode!, MayAccess.Read);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = instance.AddWatch(place.Dentry.Inode!, mask, out int number);
        return SyscallResult.From(errno, number);
    }

    /// <summary>int inotify_rm_watch(int fd, int wd)</summary>
    public static SyscallResult RemoveWatch(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { } file)
        {
            return Errno.EBADF;
        }

        return file is InotifyDescription instance ? instance.RemoveWatch(args.Int(1)) : Errno.EINVAL;
    }

    private static SyscallResult Create(Task task, int flags)
    {
        Errno errno = InotifyDescription.Create(task, flags, out InotifyDescription? made);
        if (errno != Errno.None)
        {
            return errno;
        }

        CloseOnExec closeOnExec = (flags & Inotify.IN_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
        errno = task.FdTable.InstallNew(task, made!, closeOnExec, out int fd);
        return SyscallResult.From(errno, fd);
    }
}
