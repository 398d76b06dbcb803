using Abi.Linux;
using Sentry.Vfs;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private const ulong NamespaceFlags = Sched.CLONE_NEWNS | Sched.CLONE_NEWUTS | Sched.CLONE_NEWIPC
        | Sched.CLONE_NEWPID
        | Sched.CLONE_NEWNET | Sched.CLONE_NEWCGROUP | Sched.CLONE_NEWTIME;

    /// <summary>Credentials of a child or of unshare(2): in a new user namespace, with every capability, when
    /// CLONE_NEWUSER asks for it.</summary>
    private Errno NewIdentity(ulong flags, out Credentials credentials)
    {
        credentials = Credentials;
        if ((flags & Sched.CLONE_NEWUSER) == 0)
        {
            return Errno.None;
        }

        UserNamespace parent = credentials.UserNamespace;
        if (parent.Depth >= UserNamespace.MaxDepth)
        {
            return Errno.ENOSPC;
        }

        if (parent.FromKernelUid(credentials.EffectiveUid) == UserNamespace.InvalidId
            || parent.FromKernelGid(credentials.EffectiveGid) == UserNamespace.InvalidId
            || IsChrooted)
        {
            return Errno.EPERM;
        }

        credentials = credentials.InNamespace(new UserNamespace(parent, credentials.EffectiveUid,
            credentials.EffectiveGid));
        return Errno.None;
    }

    /// <summary>Namespaces and file-system context for a child: shared, copied or new as the CLONE_* flags say. EPERM
    /// without CAP_SYS_ADMIN.</summary>
    private Errno NewNamespaces(ulong flags, Credentials credentials, out TaskParts parts)
    {
        parts = default;
        UserNamespace owner = credentials.UserNamespace;
        if ((flags & NamespaceFlags) != 0 && !credentials.HasCapability(Capability.CAP_SYS_ADMIN, owner))
        {
            return Errno.EPERM;
        }

        Errno errno = NewNamespaceSet(flags, owner, out NamespaceSet namespaces);
        if (errno != Errno.None)
        {
            return errno;
        }

        // A child lives in what its parent unshared for children (kernel/time/namespace.c, timens_on_fork).
        parts.Namespaces = namespaces with { Time = namespaces.TimeForChildren };
        parts.MountNamespace = MountNamespace;
        MountNamespace.AddUser();
        if ((flags & Sched.CLONE_FS) != 0)
        {
            FsContext.AddUser();
            parts.FsContext = FsContext;
            return Errno.None;
        }

        FsContext context = FsContext.Copy();
        parts.FsContext = context;
        if ((flags & Sched.CLONE_NEWNS) == 0)
        {
            return Errno.None;
        }

        errno = Kernel.Vfs.CopyNamespace(this, owner, context, out MountNamespace? mounts);
        MountNamespace.DropUser();
        parts.MountNamespace = mounts;
        if (errno != Errno.None)
        {
            context.DropUser();
        }

        return errno;
    }

    private Errno NewNamespaceSet(ulong flags, UserNamespace owner, out NamespaceSet result)
    {
        NamespaceSet now = Namespaces;
        result = now with
        {
            Uts = (flags & Sched.CLONE_NEWUTS) != 0 ? now.Uts.Copy(owner) : now.Uts,
            Ipc = (flags & Sched.CLONE_NEWIPC) != 0 ? new IpcNamespace(owner) : now.Ipc,
            Net = (flags & Sched.CLONE_NEWNET) != 0 ? new NetNamespace(owner) : now.Net,
            Cgroup = (flags & Sched.CLONE_NEWCGROUP) != 0 ? new CgroupNamespace(owner) : now.Cgroup,
            TimeForChildren = (flags & Sched.CLONE_NEWTIME) != 0 ? new TimeNamespace(owner) : now.TimeForChildren,
        };
        if ((flags & Sched.CLONE_NEWPID) == 0)
        {
            return Errno.None;
        }

        if (now.PidForChildren != PidNamespace)
        {
            return Errno.EINVAL;
        }

        if (now.PidForChildren.Level + 1 >= PidNamespace.MaxLevel)
        {
            return Errno.ENOSPC;
        }

        result = result with { PidForChildren = new PidNamespace(Kernel, now.PidForChildren, owner) };
        return Errno.None;
    }

    /// <summary>True when the root directory is not that of the mount namespace.</summary>
    private bool IsChrooted => MountNamespace.RootTop != FsContext.Root;
}
