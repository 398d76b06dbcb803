using System;
using Abi.Linux;
using Platform;
using Sentry.Mm;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private GuestAddress _setChildTid;

    /// <summary>
    /// Makes a task: a thread of this process or a new process (clone(2); kernel/fork.c, copy_process). <paramref
    /// name="childTid"/> counts in the caller's namespace.
    /// </summary>
    public Errno Clone(in CloneRequest request, out int childTid)
    {
        childTid = 0;
        Errno errno = request.Validate(this);
        errno = errno != Errno.None ? errno : CheckTaskLimits();
        if (errno != Errno.None)
        {
            return errno;
        }

        if (HasPendingInterrupt)
        {
            return Errno.ERESTARTNOINTR;
        }

        if (!Kernel.TryAddTask(ThreadGroup.Scope))
        {
            return Errno.EAGAIN;
        }

        TaskThread? thread = Kernel.Threads.Acquire(Kernel.Platform);
        errno = thread is null ? Errno.EAGAIN : CloneWithThread(request, thread, out childTid);
        if (errno != Errno.None)
        {
            thread?.Abandon();
            Kernel.DropTask(ThreadGroup.Scope);
        }

        return errno;
    }

    /// <summary>The child's first steps on its own thread, before guest code (kernel/sched, schedule_tail).</summary>
    private void FinishClone()
    {
        UpdateRealTimeLimit();
        if (!_setChildTid.IsNull)
        {
            Mm.Write(_setChildTid, Tid);
            _setChildTid = GuestAddress.Null;
        }
    }

    private Errno CloneWithThread(in CloneRequest request, TaskThread thread, out int childTid)
    {
        childTid = 0;
        Errno errno = NewParts(request, out TaskParts parts, out PidNamespace pidNamespace);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = parts.Mm!.AddressSpace.Reserve();
        Task? child = null;
        Pid? identity = null;
        errno = errno != Errno.None ? errno
            : AllocateChild(request, parts, pidNamespace, out child, out identity);
        if (errno != Errno.None)
        {
            DropParts(parts);
            return errno;
        }

        childTid = identity!.NumberIn(PidNamespace);
        if (request.Has(Sched.CLONE_PARENT_SETTID))
        {
            Mm.Write(request.ParentTid, childTid);
        }

        VforkGate? gate = request.Has(Sched.CLONE_VFORK) ? new VforkGate(this) : null;
        child!._vforkGate = gate;
        TraceState? trace = Trace;
        int traceEvent = trace is null ? 0 : CloneEvent(trace, request);
        if (trace is not null && (traceEvent != 0 || request.Has(Sched.CLONE_PTRACE)))
        {
            TraceChild(child, trace);
        }

        thread.Start(child);
        ulong tracedId = trace is null ? 0 : (ulong)identity.NumberIn(trace.Tracer.PidNamespace);
        if (traceEvent != 0)
        {
            StopAtEvent(1 << traceEvent, traceEvent, tracedId);
        }

        WaitForVfork(gate);
        if (gate is not null)
        {
            StopAtEvent(Ptrace.PTRACE_O_TRACEVFORKDONE, Ptrace.PTRACE_EVENT_VFORK_DONE, tracedId);
        }

        return Errno.None;
    }

    /// <summary>The event that the tracer wants to hear of a new child; 0 for none. The option of event n is bit n
    /// (include/linux/ptrace.h, PT_EVENT_FLAG).</summary>
    private static int CloneEvent(TraceState trace, in CloneRequest request)
    {
        if (request.Has(Sched.CLONE_UNTRACED))
        {
            return 0;
        }

        int number = request.Has(Sched.CLONE_VFORK) ? Ptrace.PTRACE_EVENT_VFORK
            : request.ExitSignal != Signals.SIGCHLD || request.Has(Sched.CLONE_THREAD) ? Ptrace.PTRACE_EVENT_CLONE
            : Ptrace.PTRACE_EVENT_FORK;
        return trace.Has(1 << number) ? number : 0;
    }

    private void WaitForVfork(VforkGate? gate)
    {
        while (gate is not null && !gate.IsOpen && BlockKillable() == Errno.None)
        {
        }
    }

    private Errno CheckTaskLimits()
    {
        bool overLimit = (ulong)_account.Tasks >= ThreadGroup.Limits.Soft(Resource.RLIMIT_NPROC);
        bool exempt = _account.Uid == 0
            || Credentials.IsCapable(Capability.CAP_SYS_RESOURCE)
            || Credentials.IsCapable(Capability.CAP_SYS_ADMIN);
        return overLimit && !exempt ? Errno.EAGAIN : Errno.None;
    }

    /// <summary>Shares or copies everything the child consists of.</summary>
    private Errno NewParts(in CloneRequest request, out TaskParts parts, out PidNamespace pidNamespace)
    {
        parts = default;
        pidNamespace = Namespaces.PidForChildren;
        Errno errno = NewIdentity(request.Flags, out Credentials credentials);
        errno = errno != Errno.None ? errno : NewNamespaces(request.Flags, credentials, out parts);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = Errno.None;
        parts.Credentials = credentials;
        parts.Name = Name;
        if (request.Has(Sched.CLONE_NEWPID))
        {
            pidNamespace = parts.Namespaces!.PidForChildren;
        }

        if (request.Has(Sched.CLONE_VM))
        {
            Mm.AddUser();
            parts.Mm = Mm;
        }
        else
        {
            errno = Mm.Fork(out parts.Mm);
        }

        if (errno != Errno.None)
        {
            parts.FsContext?.DropUser();
            parts.MountNamespace?.DropUser();
            return errno;
        }

        return CopyFiles(request.Flags, ref parts);
    }

    private Errno CopyFiles(ulong flags, ref TaskParts parts)
    {
        if ((flags & Sched.CLONE_FILES) != 0)
        {
            FdTable.AddUser();
            parts.FdTable = FdTable;
            return Errno.None;
        }

        parts.FdTable = FdTable.Copy();
        return Errno.None;
    }

    private void DropParts(in TaskParts parts)
    {
        parts.Mm?.DropUser();
        parts.FdTable.DropUser(this);
        parts.FsContext?.DropUser();
        parts.MountNamespace?.DropUser();
    }

    /// <summary>
    /// Gives the child its ids and its place among the relatives; CLONE_PIDFD comes in between, while it can still
    /// fail.
    /// </summary>
    private Errno AllocateChild(
        in CloneRequest request, in TaskParts parts, PidNamespace pidNamespace, out Task? child, out Pid? identity)
    {
        child = null;
        Errno errno;
        using (Kernel.TasksLock.Enter())
        {
            errno = pidNamespace.AllocateLocked(request.WantedIds, out identity);
        }

        if (errno == Errno.None && request.Has(Sched.CLONE_PIDFD))
        {
            errno = InstallPidFd(request, identity!);
        }

        if (errno == Errno.None)
        {
            using (Kernel.TasksLock.Enter())
            {
                errno = pidNamespace.IsDying ? Errno.ENOMEM : Errno.None;
                child = errno == Errno.None ? LinkChildLocked(request, parts, identity!) : null;
            }
        }

        if (errno != Errno.None && identity is not null)
        {
            using (Kernel.TasksLock.Enter())
            {
                PidNamespace.ReleaseIfUnusedLocked(identity);
            }
        }

        return errno;
    }

    private Errno InstallPidFd(in CloneRequest request, Pid identity)
    {
        if (Kernel.PidFds is null)
        {
            return Errno.EINVAL;
        }

        Errno errno = Kernel.PidFds.Create(this, identity, 0, out int fd);
        return errno != Errno.None ? errno : Mm.Write(request.PidFd, fd);
    }

    private Task LinkChildLocked(in CloneRequest request, in TaskParts parts, Pid identity)
    {
        bool isThread = request.Has(Sched.CLONE_THREAD);
        ThreadGroup group = isThread ? ThreadGroup : NewGroupLocked(request, identity);
        Task child = new(Kernel, group, identity, parts)
        {
            Personality = Personality,
            TimerSlackNs = TimerSlackNs,
            Scheduling = Scheduling.ForChild(),
            MemoryPolicy = MemoryPolicy,
        };
        identity.Task = child;
        if (!request.Has(Sched.CLONE_VM))
        {
            child.Mm.Limits = group;
        }

        child.CopyExecutionState(this, request);
        child.Account.AddTask();
        using (group.SignalLock.Enter())
        {
            group.AddTaskLocked(child);
            child.InheritSeccompLocked(this);
            if (group.IsGroupExiting)
            {
                child.KillLocked();
            }
        }

        return child;
    }

    private ThreadGroup NewGroupLocked(in CloneRequest request, Pid identity)
    {
        SignalHandlers handlers = request.Has(Sched.CLONE_SIGHAND) ? ThreadGroup.Handlers
            : request.Has(Sched.CLONE_CLEAR_SIGHAND) ? ThreadGroup.Handlers.CopyIgnored() : ThreadGroup.Handlers.Copy();
        ThreadGroup group = new(Kernel, identity, ThreadGroup.ProcessGroup, handlers, ThreadGroup.Limits.Copy())
        {
            ExitSignal = request.Has(Sched.CLONE_PARENT) ? ThreadGroup.ExitSignal : request.ExitSignal,
            HasChildSubreaper = ThreadGroup.HasChildSubreaper || ThreadGroup.IsChildSubreaper,
            Dumpable = ThreadGroup.Dumpable,
            OomScoreAdjust = ThreadGroup.OomScoreAdjust,
            CoreDumpFilter = ThreadGroup.CoreDumpFilter,
            Scope = ThreadGroup.Scope,
        };
        if (request.Has(Sched.CLONE_PARENT))
        {
            group.SetParentLocked(ThreadGroup.Parent, ThreadGroup.ParentTask);
        }
        else
        {
            group.SetParentLocked(ThreadGroup, this);
        }

        if (identity.Number == 1)
        {
            identity.Namespace.Init = group;
        }

        group.InheritCpuLimit();
        return group;
    }

    /// <summary>Registers, FP state, signal mask and tid addresses of a new child.</summary>
    private void CopyExecutionState(Task parent, in CloneRequest request)
    {
        _initialRegisters = parent.Context.Registers;
        _initialRegisters.Rax = 0;
        _initialRegisters.OrigRax = ulong.MaxValue;
        if (!request.StackTop.IsNull)
        {
            _initialRegisters.Rsp = request.StackTop.Value;
        }

        if (request.Has(Sched.CLONE_SETTLS))
        {
            _initialRegisters.FsBase = request.ThreadPointer;
        }

        _initialFpState = new byte[Kernel.Platform.FpStateBytes];
        parent.Context.ReadFpState(_initialFpState);
        InheritSignals(parent);
        if (request.Has(Sched.CLONE_SYSVSEM))
        {
            ShareSemaphoreUndo(parent);
        }

        if (request.Has(Sched.CLONE_VM) && !request.Has(Sched.CLONE_VFORK))
        {
            ResetAltStack();
        }

        _setChildTid = request.Has(Sched.CLONE_CHILD_SETTID) ? request.ChildTid : GuestAddress.Null;
        ClearChildTid = request.Has(Sched.CLONE_CHILD_CLEARTID) ? request.ChildTid : GuestAddress.Null;
    }
}
