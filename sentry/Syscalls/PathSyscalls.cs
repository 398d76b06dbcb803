using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>Names: mkdir(2), mknod(2), rmdir(2), unlink(2), rename(2), link(2), symlink(2), readlink(2).</summary>
public static class PathSyscalls
{
    private const uint ModeBits = 0xFFF;

    /// <summary>int mkdir(const char *pathname, mode_t mode)</summary>
    public static SyscallResult MkDir(Task task, in SyscallArguments args) =>
        MkDir(task, Fcntl.AT_FDCWD, args.Address(0), args.UInt(1));

    /// <summary>int mkdirat(int dirfd, const char *pathname, mode_t mode)</summary>
    public static SyscallResult MkDirAt(Task task, in SyscallArguments args) =>
        MkDir(task, args.Int(0), args.Address(1), args.UInt(2));

    /// <summary>int mknod(const char *pathname, mode_t mode, dev_t dev)</summary>
    public static SyscallResult MkNod(Task task, in SyscallArguments args) =>
        MkNod(task, Fcntl.AT_FDCWD, args.Address(0), args.UInt(1), args.UInt(2));

    /// <summary>int mknodat(int dirfd, const char *pathname, mode_t mode, dev_t dev)</summary>
    public static SyscallResult MkNodAt(Task task, in SyscallArguments args) =>
        MkNod(task, args.Int(0), args.Address(1), args.UInt(2), args.UInt(3));

    /// <summary>int rmdir(const char *pathname)</summary>
    public static SyscallResult RmDir(Task task, in SyscallArguments args)
    {
        Errno errno = PathArgument.Read(task, args.Address(0), out ReadOnlySpan<char> path);
        return errno != Errno.None ? errno : task.Kernel.Vfs.RemoveDirectory(task, Fcntl.AT_FDCWD, path);
    }

    /// <summary>int unlink(const char *pathname)</summary>
    public static SyscallResult Unlink(Task task, in SyscallArguments args)
    {
        Errno errno = PathArgument.Read(task, args.Address(0), out ReadOnlySpan<char> path);
        return errno != Errno.None ? errno : task.Kernel.Vfs.Unlink(task, Fcntl.AT_FDCWD, path);
    }

    /// <summary>int unlinkat(int dirfd, const char *pathname, int flags)</summary>
    public static SyscallResult UnlinkAt(Task task, in SyscallArguments args)
    {
        int flags = args.Int(2);
        if ((flags & ~Fcntl.AT_REMOVEDIR) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, args.Address(1), out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        VirtualFileSystem vfs = task.Kernel.Vfs;
        return flags != 0 ? vfs.RemoveDirectory(task, args.Int(0), path) : vfs.Unlink(task, args.Int(0), path);
    }

    /// <summary>int rename(const char *oldpath, const char *newpath)</summary>
    public static SyscallResult Rename(Task task, in SyscallArguments args) =>
        Rename(task, Fcntl.AT_FDCWD, args.Address(0), Fcntl.AT_FDCWD, args.Address(1), 0);

    /// <summary>int renameat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath)</summary>
    public static SyscallResult RenameAt(Task task, in SyscallArguments args) =>
        Rename(task, args.Int(0), args.Address(1), args.Int(2), args.Address(3), 0);

    /// <summary>
    /// int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags)
    /// </summary>
    public static SyscallResult RenameAt2(Task task, in SyscallArguments args) =>
        Rename(task, args.Int(0), args.Address(1), args.Int(2), args.Address(3), args.UInt(4));

    /// <summary>int link(const char *oldpath, const char *newpath)</summary>
    public static SyscallResult Link(Task task, in SyscallArguments args) =>
        Link(task, Fcntl.AT_FDCWD, args.Address(0), Fcntl.AT_FDCWD, args.Address(1), 0);

    /// <summary>int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)</summary>
    public static SyscallResult LinkAt(Task task, in SyscallArguments args) =>
        Link(task, args.Int(0), args.Address(1), args.Int(2), args.Address(3), args.Int(4));

    /// <summary>int symlink(const char *target, const char *linkpath)</summary>
    public static SyscallResult SymLink(Task task, in SyscallArguments args) =>
        SymLink(task, args.Address(0), Fcntl.AT_FDCWD, args.Address(1));

    /// <summary>int symlinkat(const char *target, int newdirfd, const char *linkpath)</summary>
    public static SyscallResult SymLinkAt(Task task, in SyscallArguments args) =>
        SymLink(task, args.Address(0), args.Int(1), args.Address(2));

    /// <summary>ssize_t readlink(const char *pathname, char *buf, size_t bufsiz)</summary>
    public static SyscallResult ReadLink(Task task, in SyscallArguments args) =>
        ReadLink(task, Fcntl.AT_FDCWD, args.Address(0), args.Address(1), args.Int(2));

    /// <summary>
    /// ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz): an empty path names the
    /// descriptor.
    /// </summary>
    public static SyscallResult ReadLinkAt(Task task, in SyscallArguments args) =>
        ReadLink(task, args.Int(0), args.Address(1), args.Address(2), args.Int(3));

    private static SyscallResult MkDir(Task task, int directoryFd, GuestAddress address, uint mode)
    {
        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        return errno != Errno.None ? errno : task.Kernel.Vfs.MakeDirectory(task, directoryFd, path, mode);
    }

    private static SyscallResult MkNod(Task task, int directoryFd, GuestAddress address, uint mode, uint device)
    {
        uint type = mode & StatMode.S_IFMT;
        switch (type)
        {
            case StatMode.S_IFDIR:
                return Errno.EPERM;
            case 0:
                type = StatMode.S_IFREG;
                break;
            case StatMode.S_IFREG or StatMode.S_IFCHR or StatMode.S_IFBLK or StatMode.S_IFIFO or StatMode.S_IFSOCK:
                break;
            default:
                return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        return errno != Errno.None
            ? errno
            : task.Kernel.Vfs.MakeNode(task, directoryFd, path, type | (mode & ModeBits), device, out _);
    }

    private static SyscallResult Rename(
        Task task,
        int oldDirectoryFd,
        GuestAddress oldAddress,
        int newDirectoryFd,
        GuestAddress newAddress,
        uint flags)
    {
        Errno errno = PathArgument.Read(task, oldAddress, out ReadOnlySpan<char> oldPath);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = PathArgument.ReadSecond(task, newAddress, out ReadOnlySpan<char> newPath);
        return errno != Errno.None
            ? errno
            : task.Kernel.Vfs.Rename(task, oldDirectoryFd, oldPath, newDirectoryFd, newPath, flags);
    }

    private static SyscallResult Link(
        Task task,
        int oldDirectoryFd,
        GuestAddress oldAddress,
        int newDirectoryFd,
        GuestAddress newAddress,
        int flags)
    {
        if ((flags & ~(Fcntl.AT_SYMLINK_FOLLOW | Fcntl.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, oldAddress, out ReadOnlySpan<char> oldPath);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isEmpty = (flags & Fcntl.AT_EMPTY_PATH) != 0;
        if (isEmpty && oldPath.IsEmpty && !task.Credentials.HasCapability(Capability.CAP_DAC_READ_SEARCH))
        {
            return Errno.ENOENT;
        }

        LookupFlags lookup = (flags & Fcntl.AT_SYMLINK_FOLLOW) != 0 ? LookupFlags.Follow : LookupFlags.None;
        lookup |= isEmpty ? LookupFlags.AllowEmpty : LookupFlags.None;
        errno = task.Kernel.Vfs.Lookup(task, oldDirectoryFd, oldPath, lookup, out VfsPath source);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = PathArgument.ReadSecond(task, newAddress, out ReadOnlySpan<char> newPath);
        return errno != Errno.None ? errno : task.Kernel.Vfs.Link(task, source, newDirectoryFd, newPath);
    }

    private static SyscallResult SymLink(Task task, GuestAddress targetAddress, int directoryFd, GuestAddress address)
    {
        Errno errno = PathArgument.Read(task, targetAddress, out ReadOnlySpan<char> target);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (target.IsEmpty)
        {
            return Errno.ENOENT;
        }

        errno = PathArgument.ReadSecond(task, address, out ReadOnlySpan<char> path);
        return errno != Errno.None ? errno : task.Kernel.Vfs.MakeSymlink(task, target.ToString(), directoryFd, path);
    }

    private static SyscallResult ReadLink(
        Task task,
        int directoryFd,
        GuestAddress address,
        GuestAddress buffer,
        int size)
    {
        if (size <= 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Kernel.Vfs.Lookup(task, directoryFd, path, LookupFlags.AllowEmpty, out VfsPath place);
        if (errno != Errno.None)
        {
            return path.IsEmpty && directoryFd == Fcntl.AT_FDCWD ? Errno.ENOENT : errno;
        }

        Inode inode = place.Dentry.Inode!;
        if (inode.FileType != StatMode.S_IFLNK)
        {
            return path.IsEmpty ? Errno.ENOENT : Errno.EINVAL;
        }

        inode.TouchAccessTime(place.Mount.AccessTimePolicyFor(inode));
        errno = inode.ReadLink(task, out string target);
        return errno != Errno.None ? errno : CopyOutText(task, buffer, size, target);
    }

    /// <summary>Copies a byte string without a NUL, cut to the buffer; the result is its length.</summary>
    internal static SyscallResult CopyOutText(Task task, GuestAddress buffer, int size, string text)
    {
        int length = Math.Min(size, text.Length);
        Span<byte> bytes = length <= 256 ? stackalloc byte[length] : new byte[length];
        System.Text.Encoding.Latin1.GetBytes(text.AsSpan(0, length), bytes);
        return SyscallResult.From(task.Mm.CopyOut(buffer, bytes), length);
    }
}
