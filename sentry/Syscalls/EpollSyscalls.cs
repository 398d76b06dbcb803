using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>epoll(7).</summary>
public static class EpollSyscalls
{
    private const int MaxEvents = int.MaxValue / 12;

    /// <summary>epoll_create(int size): the size only has to be positive.</summary>
    public static SyscallResult EpollCreate(Task task, in SyscallArguments args) =>
        args.Int(0) <= 0 ? Errno.EINVAL : Descriptors.Install(task, new EpollDescription(task.Kernel), 0);

    /// <summary>epoll_create1(int flags).</summary>
    public static SyscallResult EpollCreate1(Task task, in SyscallArguments args)
    {
        int flags = args.Int(0);
        return (flags & ~Epoll.EPOLL_CLOEXEC) != 0
            ? Errno.EINVAL
            : Descriptors.Install(task, new EpollDescription(task.Kernel), flags);
    }

    /// <summary>epoll_ctl(int epfd, int op, int fd, struct epoll_event *event).</summary>
    public static SyscallResult EpollCtl(Task task, in SyscallArguments args)
    {
        int operation = args.Int(1);
        int descriptor = args.Int(2);
        EpollEvent wanted = default;
        if (operation != Epoll.EPOLL_CTL_DEL)
        {
            Errno error = task.Mm.Read(args.Address(3), out wanted);
            if (error != Errno.None)
            {
                return error;
            }
        }

        if (!Descriptors.TryGet(task, args.Int(0), out FileDescription? instance))
        {
            return Errno.EBADF;
        }

        if (!Descriptors.TryGet(task, descriptor, out FileDescription? file))
        {
            instance.DropReference(null);
            return Errno.EBADF;
        }

        Errno result = Control(task, instance, operation, file, descriptor, wanted);
        file.DropReference(null);
        instance.DropReference(null);
        return result;
    }

    /// <summary>epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout).</summary>
    public static SyscallResult EpollWait(Task task, in SyscallArguments args) =>
        Wait(task, args, Deadlines.FromMilliseconds(task, args.Int(3)));

    /// <summary>
    /// epoll_pwait(int epfd, events, int maxevents, int timeout, const sigset_t *sigmask, size_t sigsetsize).
    /// </summary>
    public static SyscallResult EpollPwait(Task task, in SyscallArguments args)
    {
        Errno error = SignalMasks.SetTemporary(task, args.Address(4), args[5]);
        return error != Errno.None ? error : WaitMasked(task, args, Deadlines.FromMilliseconds(task, args.Int(3)));
    }

    /// <summary>
    /// epoll_pwait2(int epfd, events, int maxevents, const struct timespec *timeout, const sigset_t *sigmask, size_t
    /// sigsetsize).
    /// </summary>
    public static SyscallResult EpollPwait2(Task task, in SyscallArguments args)
    {
        Errno error = Deadlines.FromTimespec(task, args.Address(3), out long deadlineNs);
        if (error == Errno.None)
        {
            error = SignalMasks.SetTemporary(task, args.Address(4), args[5]);
        }

        return error != Errno.None ? error : WaitMasked(task, args, deadlineNs);
    }

    private static Errno Control(
        Task task, FileDescription instance, int operation, FileDescription file, int descriptor, in EpollEvent wanted)
    {
        if (file.WaitQueue is null)
        {
            return Errno.EPERM;
        }

        if (instance is not EpollDescription epoll || instance == file)
        {
            return Errno.EINVAL;
        }

        return operation switch
        {
            Epoll.EPOLL_CTL_ADD => epoll.Add(task, file, descriptor, wanted),
            Epoll.EPOLL_CTL_MOD => epoll.Modify(task, file, descriptor, wanted),
            Epoll.EPOLL_CTL_DEL => epoll.Remove(file, descriptor),
            _ => Errno.EINVAL,
        };
    }

    private static SyscallResult WaitMasked(Task task, in SyscallArguments args, long deadlineNs)
    {
        SyscallResult result = Wait(task, args, deadlineNs);
        if (result.Errno != Errno.EINTR)
        {
            task.RestoreMask();
        }

        return result;
    }

    private static SyscallResult Wait(Task task, in SyscallArguments args, long deadlineNs)
    {
        int maxEvents = args.Int(2);
        if (maxEvents is <= 0 or > MaxEvents)
        {
            return Errno.EINVAL;
        }

        if (!Descriptors.TryGet(task, args.Int(0), out FileDescription? file))
        {
            return Errno.EBADF;
        }

        Errno error = Errno.EINVAL;
        int count = 0;
        if (file is EpollDescription epoll)
        {
            error = epoll.Wait(task, args.Address(1), maxEvents, deadlineNs, out count);
        }

        file.DropReference(null);
        return SyscallResult.From(error, count);
    }
}
