using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>setxattr(2), getxattr(2), listxattr(2), removexattr(2), each by path, by link and by descriptor.</summary>
public static class XattrSyscalls
{
    private const int KnownFlags = Xattr.XATTR_CREATE | Xattr.XATTR_REPLACE;

    /// <summary>int setxattr(const char *path, const char *name, const void *value, size_t size, int flags)</summary>
    public static SyscallResult SetXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.Follow, out VfsPath place);
        return errno != Errno.None ? errno : Set(task, place, in args);
    }

    /// <summary>int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)</summary>
    public static SyscallResult LSetXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.None, out VfsPath place);
        return errno != Errno.None ? errno : Set(task, place, in args);
    }

    /// <summary>int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)</summary>
    public static SyscallResult FSetXattr(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is { IsPathOnly: false } file ? Set(task, file.GetPath(), in args) : Errno.EBADF;
    }

    /// <summary>ssize_t getxattr(const char *path, const char *name, void *value, size_t size)</summary>
    public static SyscallResult GetXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.Follow, out VfsPath place);
        return errno != Errno.None ? errno : Get(task, place, in args);
    }

    /// <summary>ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size)</summary>
    public static SyscallResult LGetXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.None, out VfsPath place);
        return errno != Errno.None ? errno : Get(task, place, in args);
    }

    /// <summary>ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)</summary>
    public static SyscallResult FGetXattr(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is { IsPathOnly: false } file ? Get(task, file.GetPath(), in args) : Errno.EBADF;
    }

    /// <summary>ssize_t listxattr(const char *path, char *list, size_t size)</summary>
    public static SyscallResult ListXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.Follow, out VfsPath place);
        return errno != Errno.None ? errno : List(task, place, in args);
    }

    /// <summary>ssize_t llistxattr(const char *path, char *list, size_t size)</summary>
    public static SyscallResult LListXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.None, out VfsPath place);
        return errno != Errno.None ? errno : List(task, place, in args);
    }

    /// <summary>ssize_t flistxattr(int fd, char *list, size_t size)</summary>
    public static SyscallResult FListXattr(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is { IsPathOnly: false } file ? List(task, file.GetPath(), in args) : Errno.EBADF;
    }

    /// <summary>int removexattr(const char *path, const char *name)</summary>
    public static SyscallResult RemoveXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.Follow, out VfsPath place);
        return errno != Errno.None ? errno : Remove(task, place, in args);
    }

    /// <summary>int lremovexattr(const char *path, const char *name)</summary>
    public static SyscallResult LRemoveXattr(Task task, in SyscallArguments args)
    {
        Errno errno = Find(task, args.Address(0), LookupFlags.None, out VfsPath place);
        return errno != Errno.None ? errno : Remove(task, place, in args);
    }

    /// <summary>int fremovexattr(int fd, const char *name)</summary>
    public static SyscallResult FRemoveXattr(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is { IsPathOnly: false } file ? Remove(task, file.GetPath(), in args) : Errno.EBADF;
    }

    private static SyscallResult Set(Task task, VfsPath place, in SyscallArguments args)
    {
        if ((args.Int(4) & ~KnownFlags) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = ReadName(task, args.Address(1), out string name);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (args[3] > Limits.XATTR_SIZE_MAX)
        {
            return Errno.E2BIG;
        }

        byte[] value = new byte[args[3]];
        errno = task.Mm.CopyIn(args.Address(2), value);
        return errno != Errno.None ? errno : task.Kernel.Vfs.SetXattr(task, place, name, value, args.Int(4));
    }

    private static SyscallResult Get(Task task, VfsPath place, in SyscallArguments args)
    {
        Errno errno = ReadName(task, args.Address(1), out string name);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Kernel.Vfs.GetXattr(task, place, name, out byte[] value);
        return errno != Errno.None ? errno : CopyOut(task, args.Address(2), args[3], value);
    }

    private static SyscallResult List(Task task, VfsPath place, in SyscallArguments args)
    {
        Errno errno = task.Kernel.Vfs.ListXattr(task, place, out List<string> names);
        if (errno != Errno.None)
        {
            return errno;
        }

        StringBuilder text = new();
        foreach (string name in names)
        {
            text.Append(name).Append('\0');
        }

        if (text.Length > Limits.XATTR_LIST_MAX)
        {
            return Errno.E2BIG;
        }

        return CopyOut(task, args.Address(1), args[2], Encoding.Latin1.GetBytes(text.ToString()));
    }

    private static SyscallResult Remove(Task task, VfsPath place, in SyscallArguments args)
    {
        Errno errno = ReadName(task, args.Address(1), out string name);
        return errno != Errno.None ? errno : task.Kernel.Vfs.RemoveXattr(task, place, name);
    }

    /// <summary>Size 0 asks for the length; ERANGE when the buffer is too small.</summary>
    private static SyscallResult CopyOut(Task task, GuestAddress buffer, ulong size, byte[] value)
    {
        if (size == 0)
        {
            return value.Length;
        }

        if (size < (ulong)value.Length)
        {
            return Errno.ERANGE;
        }

        return SyscallResult.From(task.Mm.CopyOut(buffer, value), value.Length);
    }

    private static Errno Find(Task task, GuestAddress address, LookupFlags flags, out VfsPath place)
    {
        place = default;
        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        return errno != Errno.None ? errno : task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, flags, out place);
    }

    /// <summary>1 to 255 bytes, else ERANGE.</summary>
    private static Errno ReadName(Task task, GuestAddress address, out string name)
    {
        Errno errno = task.Mm.ReadString(address, Limits.XATTR_NAME_MAX + 1, out name);
        if (errno == Errno.ENAMETOOLONG)
        {
            return Errno.ERANGE;
        }

        return errno == Errno.None && name.Length == 0 ? Errno.ERANGE : errno;
    }
}
