using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>open(2), openat2(2), close(2), close_range(2).</summary>
public static class OpenSyscalls
{
    private const int PathOnlyFlags = Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_PATH | Fcntl.O_CLOEXEC;
    private const int KnownFlags = Fcntl.O_ACCMODE | Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_NOCTTY | Fcntl.O_TRUNC
        | Fcntl.O_APPEND
        | Fcntl.O_NONBLOCK | Fcntl.O_SYNC | Fcntl.O_DSYNC | Asynchronous | Fcntl.O_DIRECT | Fcntl.O_LARGEFILE
        | Fcntl.O_DIRECTORY
        | Fcntl.O_NOFOLLOW | Fcntl.O_NOATIME | Fcntl.O_CLOEXEC | Fcntl.O_PATH | Fcntl.__O_TMPFILE;

    private const int Asynchronous = 0x2000;
    private const uint PermissionBits = 0xFFF;
    private const ulong KnownResolve = Openat2.RESOLVE_NO_XDEV | Openat2.RESOLVE_NO_MAGICLINKS
        | Openat2.RESOLVE_NO_SYMLINKS
        | Openat2.RESOLVE_BENEATH | Openat2.RESOLVE_IN_ROOT | Openat2.RESOLVE_CACHED;

    private const int OpenHowBytes = 24;
    private const ulong PageBytes = 4096;

    /// <summary>int open(const char *pathname, int flags, mode_t mode)</summary>
    public static SyscallResult Open(Task task, in SyscallArguments args) =>
        OpenAt(task, Fcntl.AT_FDCWD, args.Address(0), args.Int(1), args.UInt(2));

    /// <summary>int openat(int dirfd, const char *pathname, int flags, mode_t mode)</summary>
    public static SyscallResult OpenAt(Task task, in SyscallArguments args) =>
        OpenAt(task, args.Int(0), args.Address(1), args.Int(2), args.UInt(3));

    /// <summary>int creat(const char *pathname, mode_t mode)</summary>
    public static SyscallResult Creat(Task task, in SyscallArguments args) =>
        OpenAt(task, Fcntl.AT_FDCWD, args.Address(0), Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_TRUNC, args.UInt(1));

    /// <summary>int openat2(int dirfd, const char *pathname, const struct open_how *how, size_t size)</summary>
    public static SyscallResult OpenAt2(Task task, in SyscallArguments args)
    {
        ulong size = args[3];
        if (size < OpenHowBytes)
        {
            return Errno.EINVAL;
        }

        if (size > PageBytes)
        {
            return Errno.E2BIG;
        }

        Errno errno = task.Mm.Read(args.Address(2), out OpenHow how);
        errno = errno != Errno.None ? errno : CheckZeroTail(task, args.Address(2), size);
        errno = errno != Errno.None ? errno : CheckHow(in how);
        if (errno != Errno.None)
        {
            return errno;
        }

        OpenRequest request = new((int)how.flags, (uint)how.mode, ResolveFlags(how.resolve));
        return Open(task, args.Int(0), args.Address(1), request);
    }

    /// <summary>int close(int fd)</summary>
    public static SyscallResult Close(Task task, in SyscallArguments args)
    {
        Errno errno = task.FdTable.Close(task, args.Int(0));
        return errno is Errno.ERESTARTSYS or Errno.ERESTARTNOINTR or Errno.ERESTARTNOHAND ? Errno.EINTR : errno;
    }

    /// <summary>int close_range(unsigned int first, unsigned int last, int flags)</summary>
    public static SyscallResult CloseRange(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(2);
        if ((flags & ~(Abi.Linux.CloseRange.CLOSE_RANGE_UNSHARE | Abi.Linux.CloseRange.CLOSE_RANGE_CLOEXEC)) != 0
            || args.UInt(0) > args.UInt(1))
        {
            return Errno.EINVAL;
        }

        int first = (int)Math.Min(args.UInt(0), int.MaxValue);
        int last = (int)Math.Min(args.UInt(1), int.MaxValue);
        if ((flags & Abi.Linux.CloseRange.CLOSE_RANGE_UNSHARE) != 0 && task.FdTable.UserCount > 1)
        {
            UnshareTable(task, first, last, flags);
        }

        if ((flags & Abi.Linux.CloseRange.CLOSE_RANGE_CLOEXEC) != 0)
        {
            task.FdTable.CloseRangeOnExec(first, last);
        }
        else
        {
            task.FdTable.CloseRange(task, first, last);
        }

        return SyscallResult.Ok;
    }

    /// <summary>
    /// CLOSE_RANGE_UNSHARE: a table of its own; what is about to be closed up to the end is not even copied.
    /// </summary>
    private static void UnshareTable(Task task, int first, int last, uint flags)
    {
        bool closesTail = last == int.MaxValue && (flags & Abi.Linux.CloseRange.CLOSE_RANGE_CLOEXEC) == 0;
        FdTable copy = closesTail ? task.FdTable.Copy(first) : task.FdTable.Copy();
        task.ReplaceFdTable(copy).DropUser(task);
    }

    private static SyscallResult OpenAt(Task task, int directoryFd, GuestAddress path, int flags, uint mode)
    {
        flags &= KnownFlags;
        if ((flags & Fcntl.O_PATH) != 0)
        {
            flags &= PathOnlyFlags;
        }

        bool creates = (flags & (Fcntl.O_CREAT | Fcntl.__O_TMPFILE)) != 0;
        return Open(task, directoryFd, path, new OpenRequest(flags, creates
            ? mode & PermissionBits
            : 0, LookupFlags.None));
    }

    private static SyscallResult Open(Task task, int directoryFd, GuestAddress pathAddress, OpenRequest request)
    {
        Errno errno = CheckFlags(request.Flags);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = PathArgument.Read(task, pathAddress, out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((request.Flags & Fcntl.O_PATH) == 0)
        {
            request = request with { Flags = request.Flags | Fcntl.O_LARGEFILE };
        }

        errno = task.Kernel.Vfs.Open(task, directoryFd, path, in request, out FileDescription? file);
        if (errno != Errno.None)
        {
            return errno;
        }

        CloseOnExec closeOnExec = (request.Flags & Fcntl.O_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
        errno = task.FdTable.InstallNew(task, file!, closeOnExec, out int fd);
        return SyscallResult.From(errno, fd);
    }

    /// <summary>Combinations that build_open_flags refuses.</summary>
    private static Errno CheckFlags(int flags)
    {
        if ((flags & Fcntl.__O_TMPFILE) != 0)
        {
            bool whole = (flags & (Fcntl.O_TMPFILE | Fcntl.O_CREAT)) == Fcntl.O_TMPFILE;
            bool writes = (flags & Fcntl.O_ACCMODE) is Fcntl.O_WRONLY or Fcntl.O_RDWR;
            return whole && writes ? Errno.None : Errno.EINVAL;
        }

        const int MakeDirectory = Fcntl.O_CREAT | Fcntl.O_DIRECTORY;
        return (flags & MakeDirectory) == MakeDirectory ? Errno.EINVAL : Errno.None;
    }

    private static Errno CheckHow(in OpenHow how)
    {
        if ((how.flags & ~(ulong)(uint)KnownFlags) != 0 || (how.resolve & ~KnownResolve) != 0)
        {
            return Errno.EINVAL;
        }

        const ulong BothScopes = Openat2.RESOLVE_BENEATH | Openat2.RESOLVE_IN_ROOT;
        if ((how.resolve & BothScopes) == BothScopes)
        {
            return Errno.EINVAL;
        }

        int flags = (int)how.flags;
        bool creates = (flags & (Fcntl.O_CREAT | Fcntl.__O_TMPFILE)) != 0;
        bool modeValid = creates ? (how.mode & ~(ulong)PermissionBits) == 0 : how.mode == 0;
        bool pathOnlyValid = (flags & Fcntl.O_PATH) == 0 || (flags & ~PathOnlyFlags) == 0;
        if (!modeValid || !pathOnlyValid)
        {
            return Errno.EINVAL;
        }

        const int Changes = Fcntl.O_CREAT | Fcntl.O_TRUNC | Fcntl.__O_TMPFILE;
        bool cached = (how.resolve & Openat2.RESOLVE_CACHED) != 0;
        return cached && (flags & Changes) != 0 ? Errno.EAGAIN : Errno.None;
    }

    private static LookupFlags ResolveFlags(ulong resolve)
    {
        LookupFlags flags = LookupFlags.None;
        flags |= (resolve & Openat2.RESOLVE_NO_XDEV) != 0 ? LookupFlags.NoCrossDevice : 0;
        flags |= (resolve & Openat2.RESOLVE_NO_MAGICLINKS) != 0 ? LookupFlags.NoMagicLinks : 0;
        flags |= (resolve & Openat2.RESOLVE_NO_SYMLINKS) != 0 ? LookupFlags.NoSymlinks | LookupFlags.NoMagicLinks : 0;
        flags |= (resolve & Openat2.RESOLVE_BENEATH) != 0 ? LookupFlags.Beneath : 0;
        flags |= (resolve & Openat2.RESOLVE_IN_ROOT) != 0 ? LookupFlags.InRoot : 0;
        return flags | ((resolve & Openat2.RESOLVE_CACHED) != 0 ? LookupFlags.CachedOnly : 0);
    }

    /// <summary>
    /// A structure from a newer program is fine as long as what we do not know is zero (copy_struct_from_user).
    /// </summary>
    private static Errno CheckZeroTail(Task task, GuestAddress address, ulong size)
    {
        Span<byte> buffer = stackalloc byte[64];
        for (ulong offset = OpenHowBytes; offset < size; offset += (ulong)buffer.Length)
        {
            Span<byte> part = buffer[..(int)Math.Min((ulong)buffer.Length, size - offset)];
            if (!address.TryAdd(offset, out GuestAddress at))
            {
                return Errno.EFAULT;
            }

            Errno errno = task.Mm.CopyIn(at, part);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (part.ContainsAnyExcept((byte)0))
            {
                return Errno.E2BIG;
            }
        }

        return Errno.None;
    }
}
