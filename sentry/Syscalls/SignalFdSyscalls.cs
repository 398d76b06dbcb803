using Abi.Linux;
using Sentry.Fs.SignalFd;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>signalfd(2).</summary>
public static class SignalFdSyscalls
{
    private const int CreateFlags = SignalfdFlags.SFD_CLOEXEC | SignalfdFlags.SFD_NONBLOCK;

    /// <summary>signalfd(int fd, const sigset_t *mask, size_t sizemask).</summary>
    public static SyscallResult SignalFd(Task task, in SyscallArguments args) => Make(task, args, 0);

    /// <summary>signalfd4(int fd, const sigset_t *mask, size_t sizemask, int flags).</summary>
    public static SyscallResult SignalFd4(Task task, in SyscallArguments args) => Make(task, args, args.Int(3));

    /// <summary>A new descriptor for fd -1, else a new mask for the one there is.</summary>
    private static SyscallResult Make(Task task, in SyscallArguments args, int flags)
    {
        if (args[2] != sizeof(ulong))
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(args.Address(1), out ulong mask);
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((flags & ~CreateFlags) != 0)
        {
            return Errno.EINVAL;
        }

        int fd = args.Int(0);
        if (fd == -1)
        {
            SignalFdDescription created = new(task.Kernel, mask, flags & Fcntl.O_NONBLOCK);
            CloseOnExec closeOnExec = (flags & Fcntl.O_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
            return SyscallResult.From(task.FdTable.InstallNew(task, created, closeOnExec, out int made), made);
        }

        using FdReference reference = task.FdTable.Borrow(fd);
        if (reference.File is null || reference.File.IsPathOnly)
        {
            return Errno.EBADF;
        }

        if (reference.File is not SignalFdDescription file)
        {
            return Errno.EINVAL;
        }

        file.Mask = mask;
        return fd;
    }
}
