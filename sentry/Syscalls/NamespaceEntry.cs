using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>setns(2): enters the namespace behind a descriptor, or those of the process behind a pidfd.</summary>
internal static class NamespaceEntry
{
    /// <summary>EBADF, EINVAL (not a namespace, wrong type), EPERM, EUSERS.</summary>
    internal static Errno Enter(Task task, int fd, int type)
    {
        FileDescription? file = task.FdTable.Get(fd);
        if (file is null)
        {
            return Errno.EBADF;
        }

        Errno errno;
        if (file is INamespaceFile { Namespace: { } space })
        {
            bool matches = type == 0 || (ulong)type == FlagOf(space.Kind);
            errno = matches ? task.EnterNamespace(space) : Errno.EINVAL;
        }
        else if (task.Kernel.PidFds is not null && task.Kernel.PidFds.Get(task, fd, out Pid? pid, out _) == Errno.None)
        {
            errno = EnterThoseOf(task, pid!, (ulong)type);
        }
        else
        {
            errno = Errno.EINVAL;
        }

        file.DropReference(task);
        return errno;
    }

    private static Errno EnterThoseOf(Task task, Pid pid, ulong types)
    {
        const ulong Known = Sched.CLONE_NEWUSER | Sched.CLONE_NEWNS | Sched.CLONE_NEWUTS | Sched.CLONE_NEWIPC
            | Sched.CLONE_NEWPID
            | Sched.CLONE_NEWNET | Sched.CLONE_NEWCGROUP | Sched.CLONE_NEWTIME;
        if (types == 0 || (types & ~Known) != 0)
        {
            return Errno.EINVAL;
        }

        Task? target = pid.Task;
        if (target is null)
        {
            return Errno.ESRCH;
        }

        // The user namespace first: it gives the rights for the others.
        Errno errno = (types & Sched.CLONE_NEWUSER) != 0 ? task.EnterNamespace(target.Credentials.UserNamespace)
            : Errno.None;
        NamespaceSet set = target.Namespaces;
        errno = Next(task, errno, types & Sched.CLONE_NEWUTS, set.Uts);
        errno = Next(task, errno, types & Sched.CLONE_NEWIPC, set.Ipc);
        errno = Next(task, errno, types & Sched.CLONE_NEWNET, set.Net);
        errno = Next(task, errno, types & Sched.CLONE_NEWCGROUP, set.Cgroup);
        errno = Next(task, errno, types & Sched.CLONE_NEWTIME, set.Time);
        errno = Next(task, errno, types & Sched.CLONE_NEWPID, target.PidNamespace);
        if (errno == Errno.None && (types & Sched.CLONE_NEWNS) != 0)
        {
            MountNamespace? mounts = target.PeekMountNamespace();
            errno = mounts is null ? Errno.ESRCH : task.EnterMountNamespace(mounts);
        }

        return errno;
    }

    private static Errno Next(Task task, Errno errno, ulong wanted, INamespace space) =>
        errno != Errno.None || wanted == 0 ? errno : task.EnterNamespace(space);

    private static ulong FlagOf(NamespaceKind kind) => kind switch
    {
        NamespaceKind.Cgroup => Sched.CLONE_NEWCGROUP,
        NamespaceKind.Ipc => Sched.CLONE_NEWIPC,
        NamespaceKind.Mount => Sched.CLONE_NEWNS,
        NamespaceKind.Net => Sched.CLONE_NEWNET,
        NamespaceKind.Pid => Sched.CLONE_NEWPID,
        NamespaceKind.Time => Sched.CLONE_NEWTIME,
        NamespaceKind.User => Sched.CLONE_NEWUSER,
        _ => Sched.CLONE_NEWUTS,
    };
}
