using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class ThreadGroup
{
    /// <summary>setsid(2): EPERM for the leader of a process group.</summary>
    internal Errno StartSession()
    {
        using (Kernel.TasksLock.Enter())
        {
            if (Identity.ProcessGroup is not null || Identity.Session is not null)
            {
                return Errno.EPERM;
            }

            Session session = new(Identity, this);
            SetProcessGroupLocked(new ProcessGroup(Identity, session));
            return Errno.None;
        }
    }

    /// <summary>
    /// setpgid(2) by this process of <paramref name="target"/> (itself or a child) into the group <paramref
    /// name="group"/>: EINVAL, ESRCH, EPERM, EACCES.
    /// </summary>
    internal Errno MoveToGroup(ThreadGroup target, Pid? group, bool isOwnGroup)
    {
        using (Kernel.TasksLock.Enter())
        {
            Errno errno = CheckMoveLocked(target);
            if (errno != Errno.None)
            {
                return errno;
            }

            ProcessGroup? existing = isOwnGroup ? target.Identity.ProcessGroup : group?.ProcessGroup;
            if (!isOwnGroup && (existing is null || existing.Session != Session))
            {
                return Errno.EPERM;
            }

            if (existing != target.ProcessGroup || existing is null)
            {
                target.SetProcessGroupLocked(existing ?? new ProcessGroup(target.Identity, target.Session));
            }

            return Errno.None;
        }
    }

    private Errno CheckMoveLocked(ThreadGroup target)
    {
        if (target.IsDead && target != this)
        {
            return target.Parent == this ? Errno.None : Errno.ESRCH;
        }

        if (target.Parent == this)
        {
            if (target.Session != Session)
            {
                return Errno.EPERM;
            }

            if (target.HasExecuted)
            {
                return Errno.EACCES;
            }
        }
        else if (target != this)
        {
            return Errno.ESRCH;
        }

        return target.IsSessionLeader ? Errno.EPERM : Errno.None;
    }
}
