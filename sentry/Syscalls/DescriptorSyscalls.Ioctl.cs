using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>ioctl(2): the commands every file has; the rest is the file's.</summary>
public static partial class DescriptorSyscalls
{
    /// <summary>int ioctl(int fd, unsigned long request, ...)</summary>
    public static SyscallResult Ioctl(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        uint command = args.UInt(1);
        GuestAddress argument = args.Address(2);
        switch (command)
        {
            case Ioctls.FIOCLEX:
                return task.FdTable.SetCloseOnExec(args.Int(0), CloseOnExec.Yes);
            case Ioctls.FIONCLEX:
                return task.FdTable.SetCloseOnExec(args.Int(0), CloseOnExec.No);
            case Ioctls.FIONBIO:
                return SetNonBlocking(task, file, argument);
            case Ioctls.FIOASYNC:
                return SetAsynchronous(task, file, args.Int(0), argument);
        }

        bool isRegular = file.Inode.FileType == StatMode.S_IFREG;
        if (command == Ioctls.FIOQSIZE && (isRegular || file.Inode.FileType is StatMode.S_IFDIR or StatMode.S_IFLNK))
        {
            return WriteSize(task, file, argument);
        }

        if (command == Ioctls.FIONREAD && isRegular)
        {
            return WriteRemaining(task, file, argument);
        }

        if (command == FsIoctls.FIGETBSZ && (isRegular || file.Inode.FileType == StatMode.S_IFDIR))
        {
            return WriteBlockSize(task, file, argument);
        }

        if (command == FsIoctls.FS_IOC_GETFLAGS && file.Inode.HasFileFlags)
        {
            return task.Mm.Write(argument, file.Inode.FileFlags);
        }

        if (command == FsIoctls.FS_IOC_SETFLAGS && file.Inode.HasFileFlags)
        {
            Errno read = task.Mm.Read(argument, out uint flags);
            return read != Errno.None ? read : task.Kernel.Vfs.ChangeFileFlags(task, file.GetPath(), flags);
        }

        Errno errno = file.Ioctl(task, command, args[2], out long result);
        return errno == Errno.ENOTTY && isRegular ? RegularFileDefault(command) : SyscallResult.From(errno, result);
    }

    private static SyscallResult RegularFileDefault(uint command) =>
        command is FsIoctls.FICLONE or FsIoctls.FICLONERANGE or FsIoctls.FIDEDUPERANGE or FsIoctls.FS_IOC_FIEMAP
            ? Errno.EOPNOTSUPP
            : command == FsIoctls.FIBMAP ? Errno.EINVAL : Errno.ENOTTY;

    private static SyscallResult SetNonBlocking(Task task, FileDescription file, GuestAddress argument)
    {
        Errno errno = task.Mm.Read(argument, out int on);
        if (errno != Errno.None)
        {
            return errno;
        }

        int wanted = on != 0 ? file.Flags | Fcntl.O_NONBLOCK : file.Flags & ~Fcntl.O_NONBLOCK;
        errno = file.CheckFlags(wanted);
        if (errno == Errno.None)
        {
            file.Flags = wanted;
        }

        return errno;
    }

    /// <summary>FIOASYNC; ENOTTY for files that never signal.</summary>
    private static SyscallResult SetAsynchronous(Task task, FileDescription file, int fd, GuestAddress argument)
    {
        Errno errno = task.Mm.Read(argument, out int on);
        errno = errno != Errno.None
            ? errno
            : file.SetAsynchronous(task.Kernel, fd, on != 0 ? AsyncSignals.On : AsyncSignals.Off);
        if (errno == Errno.None)
        {
            file.Flags = on != 0 ? file.Flags | Asynchronous : file.Flags & ~Asynchronous;
        }

        return errno;
    }

    private static SyscallResult WriteBlockSize(Task task, FileDescription file, GuestAddress argument)
    {
        Errno errno = file.Inode.GetAttributes(out InodeAttributes attributes);
        return errno != Errno.None ? errno : task.Mm.Write(argument, (int)attributes.BlockSizeBytes);
    }

    private static SyscallResult WriteSize(Task task, FileDescription file, GuestAddress argument)
    {
        Errno errno = file.Inode.GetAttributes(out InodeAttributes attributes);
        return errno != Errno.None ? errno : task.Mm.Write(argument, attributes.SizeBytes);
    }

    private static SyscallResult WriteRemaining(Task task, FileDescription file, GuestAddress argument)
    {
        Errno errno = file.Inode.GetAttributes(out InodeAttributes attributes);
        return errno != Errno.None ? errno : task.Mm.Write(argument, (int)(attributes.SizeBytes - file.Position));
    }
}
