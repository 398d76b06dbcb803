using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>dup(2), fcntl(2) without locks, ioctl(2).</summary>
public static partial class DescriptorSyscalls
{
    private const int Asynchronous = 0x2000;
    private const int SettableFlags = Fcntl.O_APPEND | Fcntl.O_NONBLOCK | Fcntl.O_DIRECT | Fcntl.O_NOATIME
        | Asynchronous;

    /// <summary>int dup(int oldfd)</summary>
    public static SyscallResult Dup(Task task, in SyscallArguments args) =>
        Duplicate(task, args.Int(0), lowest: 0, CloseOnExec.No);

    /// <summary>int dup2(int oldfd, int newfd): the same number is left alone.</summary>
    public static SyscallResult Dup2(Task task, in SyscallArguments args)
    {
        if (args.Int(0) != args.Int(1))
        {
            return DuplicateTo(task, args.Int(0), args.Int(1), CloseOnExec.No);
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        return reference.File is null ? Errno.EBADF : args.Int(0);
    }

    /// <summary>int dup3(int oldfd, int newfd, int flags)</summary>
    public static SyscallResult Dup3(Task task, in SyscallArguments args)
    {
        int flags = args.Int(2);
        if ((flags & ~Fcntl.O_CLOEXEC) != 0 || args.Int(0) == args.Int(1))
        {
            return Errno.EINVAL;
        }

        return DuplicateTo(task, args.Int(0), args.Int(1), flags != 0 ? CloseOnExec.Yes : CloseOnExec.No);
    }

    /// <summary>int fcntl(int fd, int cmd, ... arg)</summary>
    public static SyscallResult Control(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { } file)
        {
            return Errno.EBADF;
        }

        int command = args.Int(1);
        switch (command)
        {
            case Fcntl.F_DUPFD:
            case Fcntl.F_DUPFD_CLOEXEC:
                CloseOnExec kind = command == Fcntl.F_DUPFD ? CloseOnExec.No : CloseOnExec.Yes;
                int lowest = args.Int(2);
                bool inRange = lowest >= 0 && lowest < task.FdTable.Limit(task);
                return inRange ? Duplicate(task, args.Int(0), lowest, kind) : Errno.EINVAL;
            case Fcntl.F_GETFD:
                Errno errno = task.FdTable.GetCloseOnExec(args.Int(0), out CloseOnExec closeOnExec);
                return SyscallResult.From(errno, closeOnExec == CloseOnExec.Yes ? Fcntl.FD_CLOEXEC : 0);
            case Fcntl.F_SETFD:
                bool set = (args.Int(2) & Fcntl.FD_CLOEXEC) != 0;
                return task.FdTable.SetCloseOnExec(args.Int(0), set ? CloseOnExec.Yes : CloseOnExec.No);
            case Fcntl.F_GETFL:
                return file.Flags;
            case Fcntl.F_DUPFD_QUERY:
                return IsSame(task, file, args.Int(2));
        }

        return file.IsPathOnly ? Errno.EBADF : ControlFile(task, file, in args);
    }

    private static SyscallResult ControlFile(Task task, FileDescription file, in SyscallArguments args)
    {
        switch (args.Int(1))
        {
            case Fcntl.F_SETFL:
                return SetFlags(task, file, args.Int(0), args.Int(2));
            case Fcntl.F_GETPIPE_SZ:
                return GetPipeSize(file);
            case Fcntl.F_SETPIPE_SZ:
                return SetPipeSize(task, file, args.UInt(2));
            case Fcntl.F_GETLK or Fcntl.F_SETLK or Fcntl.F_SETLKW or Fcntl.F_OFD_GETLK or Fcntl.F_OFD_SETLK
                or Fcntl.F_OFD_SETLKW:
                return LockSyscalls.Control(task, file, args.Int(1), args.Address(2));
            case Fcntl.F_SETOWN or Fcntl.F_GETOWN or Fcntl.F_SETSIG or Fcntl.F_GETSIG or Fcntl.F_SETOWN_EX
                or Fcntl.F_GETOWN_EX
                or Fcntl.F_GETOWNER_UIDS:
                return OwnerSyscalls.Control(task, file, args.Int(1), args[2]);
            case Fcntl.F_NOTIFY:
                return file.Notify(task, task.FdTable, args.Int(0), args.UInt(2));
            case Fcntl.F_ADD_SEALS:
                return file is ISealable sealable ? sealable.AddSeals(args.UInt(2)) : Errno.EINVAL;
            case Fcntl.F_GET_SEALS:
                return GetSeals(file);
            case Fcntl.F_GET_RW_HINT:
                return task.Mm.Write(args.Address(2), file.Inode.WriteLifeHint);
            case Fcntl.F_SET_RW_HINT:
                return SetWriteLifeHint(task, file, args.Address(2));
            case Fcntl.F_GETLEASE:
                return file.Inode.FileType == StatMode.S_IFREG ? Fcntl.F_UNLCK : Errno.EINVAL;
            case Fcntl.F_SETLEASE:
                return args.Int(2) == Fcntl.F_UNLCK ? Errno.EAGAIN : Errno.EINVAL;
            default:
                return Errno.EINVAL;
        }
    }

    private static SyscallResult SetFlags(Task task, FileDescription file, int fd, int flags)
    {
        flags &= SettableFlags;
        int changed = (file.Flags ^ flags) & SettableFlags;
        if ((changed & flags & Fcntl.O_NOATIME) != 0)
        {
            Errno owned = file.Inode.GetOwner(out InodeOwner owner);
            if (owned != Errno.None || !Permissions.IsOwnerOrCapable(task.Credentials, in owner))
            {
                return owned != Errno.None ? owned : Errno.EPERM;
            }
        }

        Errno errno = file.CheckFlags(flags);
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((changed & Asynchronous) != 0)
        {
            // Files that never signal ignore the wish.
            errno = file.SetAsynchronous(task.Kernel, fd, (flags & Asynchronous) != 0
                ? AsyncSignals.On
                : AsyncSignals.Off);
            flags = errno == Errno.None ? flags : flags & ~Asynchronous;
        }

        file.Flags = (file.Flags & ~SettableFlags) | flags;
        return SyscallResult.Ok;
    }

    /// <summary>F_DUPFD_QUERY: do two descriptors mean one open file?</summary>
    private static SyscallResult IsSame(Task task, FileDescription file, int otherFd)
    {
        using FdReference other = task.FdTable.Borrow(otherFd);
        return other.File is null ? Errno.EBADF : ReferenceEquals(other.File, file) ? 1 : 0;
    }

    /// <summary>F_SET_RW_HINT: the hint is kept with the file; only its owner sets it.</summary>
    private static SyscallResult SetWriteLifeHint(Task task, FileDescription file, GuestAddress address)
    {
        const ulong Longest = 5;
        Errno errno = file.Inode.GetOwner(out InodeOwner owner);
        if (errno != Errno.None || !Permissions.IsOwnerOrCapable(task.Credentials, in owner))
        {
            return errno != Errno.None ? errno : Errno.EPERM;
        }

        errno = task.Mm.Read(address, out ulong hint);
        if (errno != Errno.None || hint > Longest)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        file.Inode.WriteLifeHint = hint;
        return SyscallResult.Ok;
    }

    private static SyscallResult GetSeals(FileDescription file)
    {
        if (file is not ISealable sealable)
        {
            return Errno.EINVAL;
        }

        Errno errno = sealable.GetSeals(out uint seals);
        return SyscallResult.From(errno, seals);
    }

    private static SyscallResult GetPipeSize(FileDescription file)
    {
        if (file is not IPipeCapacity pipe)
        {
            return Errno.EBADF;
        }

        Errno errno = pipe.GetCapacity(out int capacity);
        return SyscallResult.From(errno, capacity);
    }

    private static SyscallResult SetPipeSize(Task task, FileDescription file, uint bytes)
    {
        if (file is not IPipeCapacity pipe)
        {
            return Errno.EBADF;
        }

        Errno errno = pipe.SetCapacity(task, bytes, out int capacity);
        return SyscallResult.From(errno, capacity);
    }

    private static SyscallResult Duplicate(Task task, int fd, int lowest, CloseOnExec closeOnExec)
    {
        if (task.FdTable.Get(fd) is not { } file)
        {
            return Errno.EBADF;
        }

        Errno errno = task.FdTable.Install(task, file, closeOnExec, out int made, lowest);
        if (errno != Errno.None)
        {
            file.DropReference(task);
        }

        return SyscallResult.From(errno, made);
    }

    private static SyscallResult DuplicateTo(Task task, int fd, int target, CloseOnExec closeOnExec)
    {
        if (task.FdTable.Get(fd) is not { } file)
        {
            return Errno.EBADF;
        }

        Errno errno = task.FdTable.InstallAt(task, target, file, closeOnExec);
        if (errno != Errno.None)
        {
            file.DropReference(task);
        }

        return SyscallResult.From(errno, target);
    }
}
