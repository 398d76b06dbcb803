using Abi.Linux;
using Sentry.Mm;

namespace Sentry.Kernel;

/// <summary>What clone(2), clone3(2), fork(2) or vfork(2) asks for.</summary>
public struct CloneRequest
{
    /// <summary>CLONE_* without the exit signal.</summary>
    public ulong Flags;

    /// <summary>Signal at the child's end; 0 for none.</summary>
    public int ExitSignal;

    /// <summary>New stack pointer; null to keep the parent's.</summary>
    public GuestAddress StackTop;

    /// <summary>CLONE_PARENT_SETTID.</summary>
    public GuestAddress ParentTid;

    /// <summary>CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID.</summary>
    public GuestAddress ChildTid;

    /// <summary>CLONE_PIDFD: where the descriptor number goes.</summary>
    public GuestAddress PidFd;

    /// <summary>CLONE_SETTLS.</summary>
    public ulong ThreadPointer;

    /// <summary>Wanted thread ids, from the innermost namespace outwards; null for any.</summary>
    public int[]? WantedIds;

    /// <summary>True when a flag is set.</summary>
    public readonly bool Has(ulong flag) => (Flags & flag) != 0;

    /// <summary>The combinations that make no sense (clone(2), EINVAL; kernel/fork.c, copy_process).</summary>
    public readonly Errno Validate(Task parent)
    {
        const ulong NewUserOrPid = Sched.CLONE_NEWUSER | Sched.CLONE_NEWPID;
        bool invalid = (Has(Sched.CLONE_NEWNS) && Has(Sched.CLONE_FS))
            || (Has(Sched.CLONE_NEWUSER) && Has(Sched.CLONE_FS))
            || (Has(Sched.CLONE_THREAD) && !Has(Sched.CLONE_SIGHAND))
            || (Has(Sched.CLONE_SIGHAND) && !Has(Sched.CLONE_VM))
            || (Has(Sched.CLONE_PARENT) && parent.ThreadGroup.IsNamespaceInit)
            || (Has(Sched.CLONE_THREAD) && (Has(NewUserOrPid)
                || parent.Namespaces.PidForChildren != parent.PidNamespace))
            || (Has(Sched.CLONE_NEWIPC) && Has(Sched.CLONE_SYSVSEM))
            || (Has(Sched.CLONE_CLEAR_SIGHAND) && Has(Sched.CLONE_SIGHAND))
            || (Has(Sched.CLONE_PIDFD) && Has(Sched.CLONE_DETACHED));
        return invalid ? Errno.EINVAL : Errno.None;
    }
}
