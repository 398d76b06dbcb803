using Abi.Linux;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private const ulong UnshareFlags = NamespaceFlags | Sched.CLONE_NEWUSER | Sched.CLONE_FS | Sched.CLONE_FILES
        | Sched.CLONE_SYSVSEM
        | Sched.CLONE_THREAD | Sched.CLONE_SIGHAND | Sched.CLONE_VM;

    /// <summary>set_tid_address(2).</summary>
    internal void SetClearChildTid(GuestAddress address) => ClearChildTid = address;

    /// <summary>unshare(2); kernel/fork.c, ksys_unshare: EINVAL, EPERM, ENOSPC, ENOMEM.</summary>
    internal Errno Unshare(ulong flags)
    {
        if ((flags & ~UnshareFlags) != 0)
        {
            return Errno.EINVAL;
        }

        flags |= (flags & Sched.CLONE_NEWUSER) != 0 ? Sched.CLONE_THREAD | Sched.CLONE_FS : 0;
        flags |= (flags & Sched.CLONE_NEWNS) != 0 ? Sched.CLONE_FS : 0;
        bool needsToBeAlone = (flags & (Sched.CLONE_THREAD | Sched.CLONE_SIGHAND | Sched.CLONE_VM)) != 0;
        if (needsToBeAlone && (ThreadGroup.LiveTasks > 1 || ((flags & Sched.CLONE_VM) != 0 && Mm.UserCount > 1)))
        {
            return Errno.EINVAL;
        }

        Errno errno = NewIdentity(flags, out Credentials credentials);
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((flags & NamespaceFlags) != 0 && !credentials.HasCapability(Capability.CAP_SYS_ADMIN,
            credentials.UserNamespace))
        {
            return Errno.EPERM;
        }

        errno = NewNamespaceSet(flags, credentials.UserNamespace, out NamespaceSet namespaces);
        errno = errno != Errno.None ? errno : UnshareFileSystem(flags, credentials);
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((flags & Sched.CLONE_FILES) != 0)
        {
            UnshareFdTable();
        }

        if ((flags & (Sched.CLONE_NEWIPC | Sched.CLONE_SYSVSEM)) != 0)
        {
            DropSemaphoreUndo();
        }

        SetNamespaces(namespaces);
        SetCredentials(credentials);
        return Errno.None;
    }

    /// <summary>setns(2) for one namespace: EPERM, EINVAL; EUSERS for a user namespace of a threaded process.</summary>
    internal Errno EnterNamespace(INamespace space)
    {
        if (space is UserNamespace user)
        {
            return EnterUserNamespace(user);
        }

        if (space is MountNamespace mounts)
        {
            return EnterMountNamespace(mounts);
        }

        bool allowed = Credentials.HasCapability(Capability.CAP_SYS_ADMIN, space.Owner)
            && Credentials.HasCapability(Capability.CAP_SYS_ADMIN);
        if (!allowed)
        {
            return Errno.EPERM;
        }

        NamespaceSet now = Namespaces;
        switch (space)
        {
            case PidNamespace pid when !pid.IsDescendantOf(PidNamespace):
                return Errno.EINVAL;
            case TimeNamespace when ThreadGroup.LiveTasks > 1:
                return Errno.EUSERS;
        }

        SetNamespaces(space switch
        {
            UtsNamespace uts => now with { Uts = uts },
            IpcNamespace ipc => now with { Ipc = ipc },
            NetNamespace net => now with { Net = net },
            CgroupNamespace cgroup => now with { Cgroup = cgroup },
            TimeNamespace time => now with { Time = time, TimeForChildren = time },
            PidNamespace pid => now with { PidForChildren = pid },
            _ => now,
        });
        return Errno.None;
    }

    /// <summary>setns(2) for a mount namespace: root and working directory become its root.</summary>
    internal Errno EnterMountNamespace(MountNamespace mounts)
    {
        if (!Credentials.HasCapability(Capability.CAP_SYS_ADMIN, mounts.Owner)
            || !Credentials.HasCapability(Capability.CAP_SYS_CHROOT)
            || !Credentials.HasCapability(Capability.CAP_SYS_ADMIN))
        {
            return Errno.EPERM;
        }

        if (FsContext.UserCount > 1)
        {
            return Errno.EINVAL;
        }

        mounts.AddUser();
        FsContext.SetRoot(mounts.RootTop);
        FsContext.SetWorkingDirectory(mounts.RootTop);
        MountNamespace old = MountNamespace;
        SetFileSystem(FsContext, mounts);
        old.DropUser();
        return Errno.None;
    }

    private Errno EnterUserNamespace(UserNamespace space)
    {
        if (space == Credentials.UserNamespace)
        {
            return Errno.EINVAL;
        }

        if (ThreadGroup.LiveTasks > 1 || FsContext.UserCount > 1)
        {
            return Errno.EINVAL;
        }

        if (!Credentials.HasCapability(Capability.CAP_SYS_ADMIN, space))
        {
            return Errno.EPERM;
        }

        CommitCredentials(Credentials.InNamespace(space));
        return Errno.None;
    }

    private Errno UnshareFileSystem(ulong flags, Credentials credentials)
    {
        bool newMounts = (flags & Sched.CLONE_NEWNS) != 0;
        if ((flags & Sched.CLONE_FS) == 0 || (FsContext.UserCount == 1 && !newMounts))
        {
            return Errno.None;
        }

        FsContext context = FsContext.Copy();
        MountNamespace mounts = MountNamespace;
        if (newMounts)
        {
            Errno errno = Kernel.Vfs.CopyNamespace(this, credentials.UserNamespace, context, out MountNamespace? copy);
            if (errno != Errno.None)
            {
                context.DropUser();
                return errno;
            }

            MountNamespace.DropUser();
            mounts = copy!;
        }

        FsContext old = FsContext;
        SetFileSystem(context, mounts);
        old.DropUser();
        return Errno.None;
    }
}
