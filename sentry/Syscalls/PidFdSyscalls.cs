using Abi.Linux;
using Sentry.Fs.PidFd;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).</summary>
public static class PidFdSyscalls
{
    private const uint SendFlags =
        Pidfd.PIDFD_SIGNAL_THREAD | Pidfd.PIDFD_SIGNAL_THREAD_GROUP | Pidfd.PIDFD_SIGNAL_PROCESS_GROUP;

    /// <summary>pidfd_open(pid_t pid, unsigned int flags).</summary>
    public static SyscallResult PidFdOpen(Task task, in SyscallArguments args)
    {
        int id = args.Int(0);
        uint flags = args.UInt(1);
        if ((flags & ~(Pidfd.PIDFD_NONBLOCK | Pidfd.PIDFD_THREAD)) != 0 || id <= 0)
        {
            return Errno.EINVAL;
        }

        Pid? pid = task.PidNamespace.Find(id);
        if (pid?.Task is null)
        {
            return Errno.ESRCH;
        }

        if ((flags & Pidfd.PIDFD_THREAD) == 0 && pid.ThreadGroup is null)
        {
            return Errno.ENOENT;
        }

        PidFdDescription file = new(task.Kernel, pid, flags);
        return SyscallResult.From(task.FdTable.InstallNew(task, file, CloseOnExec.Yes, out int fd), fd);
    }

    /// <summary>pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags).</summary>
    public static SyscallResult PidFdSendSignal(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(3);
        if ((flags & ~SendFlags) != 0 || (flags & (flags - 1)) != 0)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        PidFdDescription? file = reference.File as PidFdDescription;
        if ((file?.Pid ?? FromProc(reference.File)) is not { } pid)
        {
            return Errno.EBADF;
        }

        if (!pid.Namespace.IsDescendantOf(task.PidNamespace))
        {
            return Errno.EINVAL;
        }

        int signal = args.Int(1);
        Errno errno = ReadInfo(task, args, pid, out SigInfo info);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isThread = file is { IsThread: true };
        uint scope = flags != 0 ? flags : isThread ? Pidfd.PIDFD_SIGNAL_THREAD : Pidfd.PIDFD_SIGNAL_THREAD_GROUP;
        return Send(task, pid, scope, signal, args.Address(2).IsNull, info);
    }

    /// <summary>
    /// process_mrelease(int pidfd, unsigned int flags): returns once the memory of a dying process is free. EINVAL when
    /// it is not dying, ESRCH when its memory has gone already.
    /// </summary>
    public static SyscallResult ProcessMemoryRelease(Task task, in SyscallArguments args)
    {
        if (args.UInt(1) != 0)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not PidFdDescription file)
        {
            return Errno.EBADF;
        }

        ThreadGroup? group = file.Pid.ThreadGroup;
        if (group is null || group.IsDead)
        {
            return Errno.ESRCH;
        }

        if (!group.IsGroupExiting)
        {
            return Errno.EINVAL;
        }

        Errno errno = Errno.None;
        file.Pid.WaitQueue.Add(task.Waiter);
        while (!group.IsDead && errno == Errno.None)
        {
            errno = task.BlockKillable();
        }

        file.Pid.WaitQueue.Remove(task.Waiter);
        return errno == Errno.None ? Errno.None : Errno.EINTR;
    }

    /// <summary>An open /proc/PID stands for its process, as before there were pidfds.</summary>
    private static Pid? FromProc(FileDescription? file) =>
        file is { IsPathOnly: false } ? (file.Inode as IProcessDirectory)?.Process : null;

    /// <summary>pidfd_getfd(int pidfd, int targetfd, unsigned int flags): a copy of another process's
    /// descriptor.</summary>
    public static SyscallResult PidFdGetFd(Task task, in SyscallArguments args)
    {
        if (args.UInt(2) != 0)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not PidFdDescription file)
        {
            return Errno.EBADF;
        }

        Task? target = file.Pid.Task;
        if (target is null)
        {
            return Errno.ESRCH;
        }

        Errno errno = PtraceAccess.Check(task, target, PtraceCredentials.Real);
        if (errno != Errno.None)
        {
            return errno;
        }

        FdTable? table = target.PeekFdTable();
        if (table is null)
        {
            return Errno.ESRCH;
        }

        FileDescription? wanted = table.Get(args.Int(1));
        return wanted is null
            ? Errno.EBADF
            : SyscallResult.From(task.FdTable.InstallNew(task, wanted, CloseOnExec.Yes, out int fd), fd);
    }

    /// <summary>Information about the signal, checked as rt_sigqueueinfo(2) does; without any it looks like
    /// kill(2).</summary>
    private static Errno ReadInfo(Task task, in SyscallArguments args, Pid pid, out SigInfo info)
    {
        info = default;
        int signal = args.Int(1);
        if (args.Address(2).IsNull)
        {
            return signal is < 0 or > Signals.NSIG ? Errno.EINVAL : Errno.None;
        }

        Errno errno = task.Mm.Read(args.Address(2), out info);
        if (errno != Errno.None || info.si_signo != signal)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        bool isForged = info.si_code >= 0 || info.si_code == SigCode.SI_TKILL;
        if (isForged && pid != task.Identity)
        {
            return Errno.EPERM;
        }

        return signal is < 0 or > Signals.NSIG ? Errno.EINVAL : Errno.None;
    }

    private static SyscallResult Send(Task task, Pid pid, uint scope, int signal, bool isPlain, in SigInfo info)
    {
        if (scope == Pidfd.PIDFD_SIGNAL_PROCESS_GROUP)
        {
            ProcessGroup? group = pid.ProcessGroup;
            return group is null ? Errno.ESRCH : task.SendToProcessGroup(group, signal);
        }

        Task? target = pid.Task;
        if (target is null)
        {
            return Errno.ESRCH;
        }

        bool toThread = scope == Pidfd.PIDFD_SIGNAL_THREAD;
        if (!isPlain)
        {
            return task.SendInfo(target.ThreadGroup, toThread ? target : null, info);
        }

        return toThread ? task.SendToThread(target, signal) : task.SendTo(target.ThreadGroup, signal, SigCode.SI_USER);
    }
}
