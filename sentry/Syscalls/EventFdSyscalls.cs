using Abi.Linux;
using Sentry.Fs.EventFd;
using Sentry.Kernel;

namespace Sentry.Syscalls;

/// <summary>eventfd(2).</summary>
public static class EventFdSyscalls
{
    private const int EventFdFlags = Eventfd.EFD_CLOEXEC | Eventfd.EFD_NONBLOCK | Eventfd.EFD_SEMAPHORE;

    /// <summary>eventfd(unsigned int initval).</summary>
    public static SyscallResult EventFd(Task task, in SyscallArguments args) => Make(task, args.UInt(0), 0);

    /// <summary>eventfd2(unsigned int initval, int flags).</summary>
    public static SyscallResult EventFd2(Task task, in SyscallArguments args)
    {
        int flags = args.Int(1);
        return (flags & ~EventFdFlags) != 0 ? Errno.EINVAL : Make(task, args.UInt(0), flags);
    }

    private static SyscallResult Make(Task task, uint initial, int flags)
    {
        EventFdMode mode = (flags & Eventfd.EFD_SEMAPHORE) != 0 ? EventFdMode.Semaphore : EventFdMode.Counter;
        EventFdDescription file = new(task.Kernel, initial, mode, flags & Fcntl.O_NONBLOCK);
        return Descriptors.Install(task, file, flags);
    }
}
