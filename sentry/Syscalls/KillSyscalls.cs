using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Sending signals: kill(2), tgkill(2), rt_sigqueueinfo(2).</summary>
public static class KillSyscalls
{
    /// <summary>kill(2): process, group (0, negative) or everybody (-1).</summary>
    public static SyscallResult Kill(Task task, in SyscallArguments args)
    {
        int pid = args.Int(0);
        int signal = args.Int(1);
        if (signal is < 0 or > Signals.NSIG)
        {
            return Errno.EINVAL;
        }

        switch (pid)
        {
            case > 0:
                ThreadGroup? target = task.PidNamespace.Find(pid)?.Task?.ThreadGroup;
                return target is null ? Errno.ESRCH : task.SendTo(target, signal, SigCode.SI_USER);
            case 0:
                return task.SendToProcessGroup(task.ThreadGroup.ProcessGroup, signal);
            case -1:
                return KillAll(task, signal);
            case int.MinValue:
                return Errno.ESRCH;
            default:
                ProcessGroup? group = task.PidNamespace.Find(-pid)?.ProcessGroup;
                return group is null ? Errno.ESRCH : task.SendToProcessGroup(group, signal);
        }
    }

    /// <summary>tkill(2).</summary>
    public static SyscallResult Tkill(Task task, in SyscallArguments args) =>
        SendToThread(task, 0, args.Int(0), args.Int(1));

    /// <summary>tgkill(2).</summary>
    public static SyscallResult Tgkill(Task task, in SyscallArguments args) =>
        args.Int(0) <= 0 ? Errno.EINVAL : SendToThread(task, args.Int(0), args.Int(1), args.Int(2));

    /// <summary>rt_sigqueueinfo(2): process, signal, info.</summary>
    public static SyscallResult RtSigQueueInfo(Task task, in SyscallArguments args)
    {
        Errno errno = ReadInfo(task, args.Address(2), args.Int(1), args.Int(0), out SigInfo info);
        if (errno != Errno.None)
        {
            return errno;
        }

        ThreadGroup? target = args.Int(0) > 0 ? task.PidNamespace.Find(args.Int(0))?.Task?.ThreadGroup : null;
        return target is null ? Errno.ESRCH : task.SendInfo(target, null, info);
    }

    /// <summary>rt_tgsigqueueinfo(2): process, thread, signal, info.</summary>
    public static SyscallResult RtTgSigQueueInfo(Task task, in SyscallArguments args)
    {
        if (args.Int(0) <= 0 || args.Int(1) <= 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = ReadInfo(task, args.Address(3), args.Int(2), args.Int(0), out SigInfo info);
        if (errno != Errno.None)
        {
            return errno;
        }

        Task? target = task.PidNamespace.FindTask(args.Int(1));
        bool matches = target is not null && target.ThreadGroup.Identity.NumberIn(task.PidNamespace) == args.Int(0);
        return matches ? task.SendInfo(target!.ThreadGroup, target, info) : Errno.ESRCH;
    }

    private static SyscallResult SendToThread(Task task, int processId, int threadId, int signal)
    {
        if (threadId <= 0 || signal is < 0 or > Signals.NSIG)
        {
            return Errno.EINVAL;
        }

        Task? target = task.PidNamespace.FindTask(threadId);
        if (target is null || (processId > 0 && target.ThreadGroup.Identity.NumberIn(task.PidNamespace) != processId))
        {
            return Errno.ESRCH;
        }

        return task.SendToThread(target, signal);
    }

    /// <summary>kill(-1): everybody but init and the caller's own process. ESRCH when there is nobody; whom one may
    /// not signal does not count.</summary>
    private static SyscallResult KillAll(Task task, int signal)
    {
        List<ThreadGroup> all = new();
        task.PidNamespace.CollectThreadGroups(all);
        Errno result = Errno.None;
        bool any = false;
        foreach (ThreadGroup target in all)
        {
            if (target == task.ThreadGroup || target.Identity.NumberIn(task.PidNamespace) == 1)
            {
                continue;
            }

            Errno errno = task.SendTo(target, signal, SigCode.SI_USER);
            result = errno == Errno.EPERM ? result : errno;
            any = true;
        }

        return any ? result : Errno.ESRCH;
    }

    /// <summary>A process may not forge signals of the kernel or of kill(2) to others (rt_sigqueueinfo(2)).</summary>
    private static Errno ReadInfo(Task task, GuestAddress address, int signal, int pid, out SigInfo info)
    {
        Errno errno = task.Mm.Read(address, out info);
        if (errno != Errno.None)
        {
            return errno;
        }

        info.si_signo = signal;
        if (signal is < 0 or > Signals.NSIG)
        {
            return Errno.EINVAL;
        }

        bool isForged = (info.si_code >= 0 || info.si_code == SigCode.SI_TKILL) && pid != task.ThreadGroup.Id;
        return isForged ? Errno.EPERM : Errno.None;
    }
}
