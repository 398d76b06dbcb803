using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>wait4(2), waitid(2).</summary>
public static class WaitSyscalls
{
    private const int CloneOptions = Wait.__WNOTHREAD | Wait.__WCLONE | Wait.__WALL;

    /// <summary>wait4(2): pid, status, options, rusage.</summary>
    public static SyscallResult Wait4(Task task, in SyscallArguments args)
    {
        int pid = args.Int(0);
        int options = args.Int(2);
        if ((options & ~(Wait.WNOHANG | Wait.WUNTRACED | Wait.WCONTINUED | CloneOptions)) != 0)
        {
            return Errno.EINVAL;
        }

        if (pid == int.MinValue)
        {
            return Errno.ESRCH;
        }

        WaitRequest request = new()
        {
            IdType = pid == -1 ? Wait.P_ALL : pid > 0 ? Wait.P_PID : Wait.P_PGID,
            Target = Target(task, pid),
            Options = options | Wait.WEXITED,
        };
        Errno errno = task.WaitForChild(request, out WaitResult result);
        if (errno != Errno.None || result.ProcessId == 0)
        {
            return errno;
        }

        errno = args.Address(1).IsNull ? Errno.None : task.Mm.Write(args.Address(1), result.Status);
        errno = errno != Errno.None ? errno : WriteUsage(task, args.Address(3), result);
        return SyscallResult.From(errno, result.ProcessId);
    }

    /// <summary>waitid(2): idtype, id, infop, options, rusage.</summary>
    public static SyscallResult WaitId(Task task, in SyscallArguments args)
    {
        const int StateOptions = Wait.WEXITED | Wait.WSTOPPED | Wait.WCONTINUED;
        int options = args.Int(3);
        if ((options & ~(Wait.WNOHANG | Wait.WNOWAIT | StateOptions | CloneOptions)) != 0
            || (options & StateOptions) == 0)
        {
            return Errno.EINVAL;
        }

        WaitRequest request = new() { IdType = args.Int(0), Options = options };
        Errno errno = FindTarget(task, args.Int(1), ref request);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.WaitForChild(request, out WaitResult result);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = result.ProcessId != 0 ? WriteUsage(task, args.Address(4), result) : Errno.None;
        return errno != Errno.None || args.Address(2).IsNull ? errno : WriteInfo(task, args.Address(2), result);
    }

    private static Pid? Target(Task task, int pid) => pid switch
    {
        -1 => null,
        0 => task.ThreadGroup.ProcessGroup.Identity,
        > 0 => task.PidNamespace.Find(pid),
        _ => task.PidNamespace.Find(-pid),
    };

    private static Errno FindTarget(Task task, int id, ref WaitRequest request)
    {
        switch (request.IdType)
        {
            case Wait.P_ALL:
                return Errno.None;
            case Wait.P_PID when id > 0:
                request.Target = task.PidNamespace.Find(id);
                return Errno.None;
            case Wait.P_PGID when id >= 0:
                request.Target = id == 0 ? task.ThreadGroup.ProcessGroup.Identity : task.PidNamespace.Find(id);
                return Errno.None;
            case Wait.P_PIDFD when id >= 0:
                return FindPidFd(task, id, ref request);
            default:
                return Errno.EINVAL;
        }
    }

    private static Errno FindPidFd(Task task, int fd, ref WaitRequest request)
    {
        if (task.Kernel.PidFds is null)
        {
            return Errno.EBADF;
        }

        Errno errno = task.Kernel.PidFds.Get(task, fd, out Pid? pid, out uint flags);
        request.Target = pid;
        request.IdType = Wait.P_PID;

        // A non-blocking pidfd makes the wait non-blocking, and EAGAIN tells it apart.
        request.IsNonBlocking = (flags & Fcntl.O_NONBLOCK) != 0;
        return errno;
    }

    private static Errno WriteInfo(Task task, GuestAddress address, in WaitResult result)
    {
        if (result.ProcessId == 0)
        {
            return task.Mm.Write(address, default(WaitInfo));
        }

        WaitInfo info = new()
        {
            Signal = Signals.SIGCHLD,
            Code = result.Code,
            ProcessId = result.ProcessId,
            Uid = task.Credentials.UserNamespace.FromKernelUidOrOverflow(result.KernelUid),
            Status = result.CodeStatus,
        };
        return task.Mm.Write(address, info);
    }

    private static Errno WriteUsage(Task task, GuestAddress address, in WaitResult result) =>
        address.IsNull ? Errno.None : task.Mm.Write(address, Usage.From(result.Times, result.Counters));

    /// <summary>The head of siginfo_t that waitid fills; the rest stays as the caller left it.</summary>
    private struct WaitInfo
    {
        internal int Signal;
        internal int Error;
        internal int Code;
        internal int Padding;
        internal int ProcessId;
        internal uint Uid;
        internal int Status;
    }
}
