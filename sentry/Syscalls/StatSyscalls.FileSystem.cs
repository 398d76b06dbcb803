using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>statfs(2), ustat(2).</summary>
public static partial class StatSyscalls
{
    /// <summary>int statfs(const char *path, struct statfs *buf)</summary>
    public static SyscallResult StatFs(Task task, in SyscallArguments args)
    {
        Errno errno = PathArgument.Read(task, args.Address(0), out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, LookupFlags.Follow, out VfsPath place);
        return errno != Errno.None ? errno : WriteStatFs(task, place, args.Address(1));
    }

    /// <summary>int fstatfs(int fd, struct statfs *buf)</summary>
    public static SyscallResult FStatFs(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is not { } file ? Errno.EBADF : WriteStatFs(task, file.GetPath(), args.Address(1));
    }

    /// <summary>int ustat(dev_t dev, struct ustat *ubuf)</summary>
    public static SyscallResult UStat(Task task, in SyscallArguments args)
    {
        Errno errno = Errno.EINVAL;
        FileSystemStatistics statistics = default;
        if (task.Kernel.Vfs.FindInstance(args.UInt(0)) is { } superBlock)
        {
            errno = superBlock.GetStatistics(task, out statistics);
        }

        Ustat result = new() { f_tfree = (int)statistics.FreeBlocks, f_tinode = statistics.FreeFiles };
        return errno != Errno.None ? errno : task.Mm.Write(args.Address(1), in result);
    }

    private static SyscallResult WriteStatFs(Task task, VfsPath place, GuestAddress address)
    {
        SuperBlock superBlock = place.Dentry.SuperBlock;
        Errno errno = superBlock.GetStatistics(task, out FileSystemStatistics statistics);
        if (errno != Errno.None)
        {
            return errno;
        }

        Statfs result = new()
        {
            f_type = statistics.Magic,
            f_bsize = statistics.BlockSizeBytes,
            f_frsize = statistics.BlockSizeBytes,
            f_blocks = (long)statistics.Blocks,
            f_bfree = (long)statistics.FreeBlocks,
            f_bavail = (long)statistics.AvailableBlocks,
            f_files = (long)statistics.Files,
            f_ffree = (long)statistics.FreeFiles,
            f_namelen = statistics.NameLengthMax,
            f_flags = StatfsFlags.ST_VALID | FlagsOf(place.Mount),
        };
        result.f_fsid[0] = (int)superBlock.Device;
        result.f_fsid[1] = (int)(superBlock.Device >> 32);
        return task.Mm.Write(address, in result);
    }

    private static long FlagsOf(Mount mount)
    {
        uint flags = mount.Flags;
        long result = mount.IsReadOnly ? StatfsFlags.ST_RDONLY : 0;
        result |= (flags & MountFlags.MS_NOSUID) != 0 ? StatfsFlags.ST_NOSUID : 0;
        result |= (flags & MountFlags.MS_NODEV) != 0 ? StatfsFlags.ST_NODEV : 0;
        result |= (flags & MountFlags.MS_NOEXEC) != 0 ? StatfsFlags.ST_NOEXEC : 0;
        result |= (flags & MountFlags.MS_NOATIME) != 0 ? StatfsFlags.ST_NOATIME : 0;
        result |= (flags & MountFlags.MS_NODIRATIME) != 0 ? StatfsFlags.ST_NODIRATIME : 0;
        result |= (flags & MountFlags.MS_RELATIME) != 0 ? StatfsFlags.ST_RELATIME : 0;
        result |= (flags & MountFlags.MS_NOSYMFOLLOW) != 0 ? StatfsFlags.ST_NOSYMFOLLOW : 0;
        return (mount.SuperBlock.Flags & MountFlags.MS_SYNCHRONOUS) != 0 ? result | StatfsFlags.ST_SYNCHRONOUS : result;
    }

    /// <summary>
    /// int name_to_handle_at(int dirfd, const char *pathname, struct file_handle *handle, int *mount_id, int flags): no
    /// file system here can find a file
    /// by a handle, and they say so as Linux's do.
    /// </summary>
    public static SyscallResult NameToHandleAt(Task task, in SyscallArguments args)
    {
        const int Known = Fcntl.AT_SYMLINK_FOLLOW | Fcntl.AT_EMPTY_PATH;
        if ((args.Int(4) & ~Known) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, args.Address(1), out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        LookupFlags flags = (args.Int(4) & Fcntl.AT_SYMLINK_FOLLOW) != 0 ? LookupFlags.Follow : LookupFlags.None;
        flags |= (args.Int(4) & Fcntl.AT_EMPTY_PATH) != 0 ? LookupFlags.AllowEmpty : LookupFlags.None;
        errno = task.Kernel.Vfs.Lookup(task, args.Int(0), path, flags, out _);
        return errno != Errno.None ? errno : Errno.EOPNOTSUPP;
    }
}
