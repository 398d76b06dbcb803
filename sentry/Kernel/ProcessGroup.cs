using System.Collections.Generic;
using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>A process group, setpgid(2). Guarded by the tasks lock.</summary>
public sealed partial class ProcessGroup
{
    internal ProcessGroup(Pid identity, Session session)
    {
        Identity = identity;
        Session = session;
        identity.ProcessGroup = this;
        session.Groups.Add(this);
    }

    /// <summary>Its id: the PID of the first member.</summary>
    public Pid Identity { get; }

    /// <summary>Session it belongs to, for life.</summary>
    public Session Session { get; }

    internal List<ThreadGroup> Members { get; } = new();

    /// <summary>Sends a signal of the kernel (terminal keys, hang-up) to every member; no permission check.</summary>
    public void SendSignal(GuestKernel kernel, int signal)
    {
        SigInfo info = SigInfos.FromKernel(signal);
        using (kernel.TasksLock.Enter())
        {
            SendSignalLocked(info);
        }
    }

    /// <summary>
    /// True when no member has a parent in another group of the same session: nobody could continue it after a stop
    /// (POSIX 3.264, Orphaned Process Group).
    /// </summary>
    public bool IsOrphaned(GuestKernel kernel)
    {
        using (kernel.TasksLock.Enter())
        {
            return IsOrphanedLocked(null);
        }
    }

    /// <summary>Appends all tasks of all members.</summary>
    public void CollectTasks(GuestKernel kernel, List<Task> result)
    {
        using (kernel.TasksLock.Enter())
        {
            foreach (ThreadGroup member in Members)
            {
                member.CollectTasks(result);
            }
        }
    }

    internal void SendSignalLocked(in SigInfo info)
    {
        foreach (ThreadGroup member in Members)
        {
            member.SendSignal(info);
        }
    }

    /// <summary>As <see cref="IsOrphaned"/>, as if <paramref name="leaving"/> had already left.</summary>
    internal bool IsOrphanedLocked(ThreadGroup? leaving)
    {
        foreach (ThreadGroup member in Members)
        {
            // The first process of the sandbox counts as a parent like any other: it is a container's, not the
            // machine's.
            if (member == leaving || (member.IsDead && member.Leader.IsExiting) || member.Parent is null)
            {
                continue;
            }

            if (member.Parent.ProcessGroup != this && member.Parent.ProcessGroup.Session == Session)
            {
                return false;
            }
        }

        return true;
    }

    internal bool HasStoppedMemberLocked()
    {
        foreach (ThreadGroup member in Members)
        {
            if (member.IsStopped)
            {
                return true;
            }
        }

        return false;
    }
}
