using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>stat(2), statx(2), access(2).</summary>
public static partial class StatSyscalls
{
    private const int StatFlags = Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT | Fcntl.AT_EMPTY_PATH;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    /// <summary>int stat(const char *pathname, struct stat *statbuf)</summary>
    public static SyscallResult Stat(Task task, in SyscallArguments args) =>
        StatPath(task, Fcntl.AT_FDCWD, args.Address(0), args.Address(1), 0);

    /// <summary>int lstat(const char *pathname, struct stat *statbuf)</summary>
    public static SyscallResult LStat(Task task, in SyscallArguments args) =>
        StatPath(task, Fcntl.AT_FDCWD, args.Address(0), args.Address(1), Fcntl.AT_SYMLINK_NOFOLLOW);

    /// <summary>int fstat(int fd, struct stat *statbuf)</summary>
    public static SyscallResult FStat(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is not { } file ? Errno.EBADF : WriteStat(task, file.Inode, args.Address(1));
    }

    /// <summary>int newfstatat(int dirfd, const char *pathname, struct stat *statbuf, int flags)</summary>
    public static SyscallResult NewFStatAt(Task task, in SyscallArguments args) =>
        StatPath(task, args.Int(0), args.Address(1), args.Address(2), args.Int(3));

    /// <summary>
    /// int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf)
    /// </summary>
    public static SyscallResult StatX(Task task, in SyscallArguments args)
    {
        int flags = args.Int(2);
        uint mask = args.UInt(3);
        bool badSync = (flags & Fcntl.AT_STATX_SYNC_TYPE) == Fcntl.AT_STATX_SYNC_TYPE;
        if ((mask & StatxMask.STATX__RESERVED) != 0 || badSync
            || (flags & ~(StatFlags | Fcntl.AT_STATX_SYNC_TYPE)) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = FindInode(task, args.Int(0), args.Address(1), flags, out Inode? inode, out Mount? mount);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = inode!.GetAttributes(out InodeAttributes attributes);
        if (errno != Errno.None)
        {
            return errno;
        }

        Statx result = ToStatx(task, in attributes);
        AddFileFlags(inode, ref result);
        if (mount is not null)
        {
            bool isUnique = (mask & StatxMask.STATX_MNT_ID_UNIQUE) != 0;
            result.stx_mask |= isUnique ? StatxMask.STATX_MNT_ID_UNIQUE : StatxMask.STATX_MNT_ID;
            result.stx_mnt_id = isUnique ? mount.UniqueId : (ulong)mount.Id;
            result.stx_attributes_mask |= StatxMask.STATX_ATTR_MOUNT_ROOT;
            result.stx_attributes |= mount.Root.Inode == inode ? StatxMask.STATX_ATTR_MOUNT_ROOT : 0;
        }

        return task.Mm.Write(args.Address(4), in result);
    }

    /// <summary>int access(const char *pathname, int mode)</summary>
    public static SyscallResult Access(Task task, in SyscallArguments args) =>
        CheckAccess(task, Fcntl.AT_FDCWD, args.Address(0), args.Int(1), 0);

    /// <summary>int faccessat(int dirfd, const char *pathname, int mode): the system call has no flags.</summary>
    public static SyscallResult FAccessAt(Task task, in SyscallArguments args) =>
        CheckAccess(task, args.Int(0), args.Address(1), args.Int(2), 0);

    /// <summary>int faccessat2(int dirfd, const char *pathname, int mode, int flags)</summary>
    public static SyscallResult FAccessAt2(Task task, in SyscallArguments args) =>
        CheckAccess(task, args.Int(0), args.Address(1), args.Int(2), args.Int(3));

    private static SyscallResult StatPath(Task task, int directoryFd, GuestAddress path, GuestAddress result, int flags)
    {
        if ((flags & ~StatFlags) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = FindInode(task, directoryFd, path, flags, out Inode? inode, out _);
        return errno != Errno.None ? errno : WriteStat(task, inode!, result);
    }

    /// <summary>
    /// The file that a path or, for an empty path with AT_EMPTY_PATH, a descriptor names. A null path counts as empty
    /// since Linux 6.11.
    /// </summary>
    private static Errno FindInode(
        Task task,
        int directoryFd,
        GuestAddress address,
        int flags,
        out Inode? inode,
        out Mount? mount)
    {
        inode = null;
        mount = null;
        ReadOnlySpan<char> path = default;
        bool allowsEmpty = (flags & Fcntl.AT_EMPTY_PATH) != 0;
        Errno errno = allowsEmpty && address.IsNull ? Errno.None : PathArgument.Read(task, address, out path);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (path.IsEmpty && allowsEmpty && directoryFd != Fcntl.AT_FDCWD)
        {
            using FdReference reference = task.FdTable.Borrow(directoryFd);
            inode = reference.File?.Inode;
            mount = reference.File?.Path.Mount;
            return inode is null ? Errno.EBADF : Errno.None;
        }

        errno = task.Kernel.Vfs.Lookup(task, directoryFd, path, PathArgument.FromAtFlags(flags), out VfsPath place);
        if (errno != Errno.None)
        {
            return errno;
        }

        inode = place.Dentry.Inode;
        mount = place.Mount;
        return Errno.None;
    }

    private static SyscallResult WriteStat(Task task, Inode inode, GuestAddress address)
    {
        Errno errno = inode.GetAttributes(out InodeAttributes attributes);
        if (errno != Errno.None)
        {
            return errno;
        }

        Stat result = new()
        {
            st_dev = attributes.Device,
            st_ino = attributes.Inode,
            st_nlink = attributes.LinkCount,
            st_mode = attributes.Mode,
            st_uid = task.ToGuestUid(attributes.Uid),
            st_gid = task.ToGuestGid(attributes.Gid),
            st_rdev = attributes.SpecialDevice,
            st_size = attributes.SizeBytes,
            st_blksize = attributes.BlockSizeBytes,
            st_blocks = attributes.Blocks,
        };
        (result.st_atime, result.st_atime_nsec) = Split(attributes.AccessTimeNs);
        (result.st_mtime, result.st_mtime_nsec) = Split(attributes.ModifyTimeNs);
        (result.st_ctime, result.st_ctime_nsec) = Split(attributes.ChangeTimeNs);
        return task.Mm.Write(address, in result);
    }

    private static void AddFileFlags(Inode inode, ref Statx result)
    {
        if (!inode.HasFileFlags)
        {
            return;
        }

        // The bits have the same places in both.
        const ulong Shown = StatxMask.STATX_ATTR_IMMUTABLE | StatxMask.STATX_ATTR_APPEND | StatxMask.STATX_ATTR_NODUMP;
        result.stx_attributes_mask |= Shown;
        result.stx_attributes |= inode.FileFlags & Shown;
    }

    private static Statx ToStatx(Task task, in InodeAttributes attributes)
    {
        Statx result = new()
        {
            stx_mask = StatxMask.STATX_BASIC_STATS,
            stx_blksize = attributes.BlockSizeBytes,
            stx_nlink = attributes.LinkCount,
            stx_uid = task.ToGuestUid(attributes.Uid),
            stx_gid = task.ToGuestGid(attributes.Gid),
            stx_mode = (ushort)attributes.Mode,
            stx_ino = attributes.Inode,
            stx_size = (ulong)attributes.SizeBytes,
            stx_blocks = (ulong)attributes.Blocks,
            stx_atime = ToTimestamp(attributes.AccessTimeNs),
            stx_mtime = ToTimestamp(attributes.ModifyTimeNs),
            stx_ctime = ToTimestamp(attributes.ChangeTimeNs),
            stx_rdev_major = VirtualFileSystem.Major(attributes.SpecialDevice),
            stx_rdev_minor = VirtualFileSystem.Minor(attributes.SpecialDevice),
            stx_dev_major = VirtualFileSystem.Major(attributes.Device),
            stx_dev_minor = VirtualFileSystem.Minor(attributes.Device),
        };
        if (attributes.BirthTimeNs != 0)
        {
            result.stx_mask |= StatxMask.STATX_BTIME;
            result.stx_btime = ToTimestamp(attributes.BirthTimeNs);
        }

        return result;
    }

    private static SyscallResult CheckAccess(Task task, int directoryFd, GuestAddress address, int mode, int flags)
    {
        const int KnownFlags = Fcntl.AT_EACCESS | Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH;
        if ((mode & ~7) != 0 || (flags & ~KnownFlags) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool effective = (flags & Fcntl.AT_EACCESS) != 0;
        Credentials identity = effective ? task.Credentials : Permissions.WithRealIds(task.Credentials);
        LookupFlags lookup = PathArgument.FromAtFlags(flags);
        errno = task.Kernel.Vfs.Lookup(task, identity, directoryFd, path, lookup, out VfsPath place);
        if (errno != Errno.None || mode == 0)
        {
            return errno;
        }

        Inode inode = place.Dentry.Inode!;
        bool isRegular = inode.FileType == StatMode.S_IFREG;
        if ((mode & Abi.Linux.Access.X_OK) != 0 && isRegular && place.Mount.IsNoExecute)
        {
            return Errno.EACCES;
        }

        errno = Permissions.Check(task, identity, inode, (MayAccess)mode);
        bool stored = isRegular || inode.FileType is StatMode.S_IFDIR or StatMode.S_IFLNK;
        bool needsWrite = (mode & Abi.Linux.Access.W_OK) != 0 && stored;
        return errno == Errno.None && needsWrite ? place.Mount.WantWrite() : errno;
    }

    private static (ulong Seconds, ulong Nanoseconds) Split(long timeNs)
    {
        long seconds = Math.DivRem(timeNs, (long)NanosecondsPerSecond, out long rest);
        return rest < 0 ? ((ulong)(seconds - 1), (ulong)rest + NanosecondsPerSecond) : ((ulong)seconds, (ulong)rest);
    }

    private static StatxTimestamp ToTimestamp(long timeNs)
    {
        (ulong seconds, ulong nanoseconds) = Split(timeNs);
        return new StatxTimestamp { tv_sec = (long)seconds, tv_nsec = (uint)nanoseconds };
    }
}
