using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Syscalls;

/// <summary>Process groups and sessions (setpgid(2), setsid(2)).</summary>
public static class SessionSyscalls
{
    /// <summary>getpgrp(2).</summary>
    public static SyscallResult GetPgrp(Task task, in SyscallArguments args) =>
        task.ThreadGroup.ProcessGroup.Identity.NumberIn(task.PidNamespace);

    /// <summary>getpgid(2).</summary>
    public static SyscallResult GetPgid(Task task, in SyscallArguments args) =>
        Find(task, args.Int(0)) is { } target ? target.ProcessGroup.Identity.NumberIn(task.PidNamespace) : Errno.ESRCH;

    /// <summary>getsid(2).</summary>
    public static SyscallResult GetSid(Task task, in SyscallArguments args) =>
        Find(task, args.Int(0)) is { } target ? target.Session.Identity.NumberIn(task.PidNamespace) : Errno.ESRCH;

    /// <summary>setsid(2).</summary>
    public static SyscallResult SetSid(Task task, in SyscallArguments args)
    {
        Errno errno = task.ThreadGroup.StartSession();
        return SyscallResult.From(errno, task.ThreadGroup.Id);
    }

    /// <summary>setpgid(2): process, group; 0 means the caller or the process itself.</summary>
    public static SyscallResult SetPgid(Task task, in SyscallArguments args)
    {
        int pid = args.Int(0);
        int group = args.Int(1);
        pid = pid == 0 ? task.ThreadGroup.Id : pid;
        group = group == 0 ? pid : group;
        if (group < 0)
        {
            return Errno.EINVAL;
        }

        ThreadGroup? target = task.PidNamespace.FindThreadGroup(pid);
        return target is null ? Errno.ESRCH : task.ThreadGroup.MoveToGroup(target, task.PidNamespace.Find(group),
            group == pid);
    }

    private static ThreadGroup? Find(Task task, int pid) =>
        pid == 0 ? task.ThreadGroup : task.PidNamespace.FindTask(pid)?.ThreadGroup;
}
