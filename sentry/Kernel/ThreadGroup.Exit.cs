using System.Collections.Generic;
using System.Threading;
using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class ThreadGroup
{
    private const uint PollIn = 0x1;
    private const uint PollHup = 0x10;

    // Guarded by TasksLock.
    private bool _isDead;
    private bool _isReaped;

    /// <summary>Who hears the wait status of a process that entered from outside the sandbox; null for all others.
    /// </summary>
    internal System.Action<int>? OnEnd { get; set; }

    /// <summary>True once every task has ended: the process is a zombie, or reaped. Guarded by TasksLock for
    /// writing.</summary>
    public bool IsDead => Volatile.Read(ref _isDead);

    /// <summary>Wait status (wait(2)) of a dead process.</summary>
    public int WaitStatusValue
    {
        get
        {
            using (SignalLock.Enter())
            {
                return _isExiting ? _exitCode : Leader.ExitStatus;
            }
        }
    }

    /// <summary>True when only handled signals may reach this init.</summary>
    internal bool IsProtected
    {
        get
        {
            using (SignalLock.Enter())
            {
                return IsProtectedLocked;
            }
        }
    }

    /// <summary>True when a core-dumping signal would leave a dump: the limit allows one and the process is
    /// dumpable.</summary>
    internal bool WouldDumpCore => Dumpable == 1 && Limits.Soft(Resource.RLIMIT_CORE) > 0;

    /// <summary>The first step of a task's end. True for the last one of the process.</summary>
    internal bool BeginTaskExit(Task task, out bool completedStop)
    {
        using (SignalLock.Enter())
        {
            task.MarkExitingLocked();
            completedStop = task.TakeStopCountLocked() && FinishOneStopLocked();
            RetargetLocked(task, ulong.MaxValue);
            _liveTasks--;
            return _liveTasks == 0;
        }
    }

    /// <summary>The last step: children find a new parent, and the process becomes a zombie when this was its last
    /// task (kernel/exit.c, exit_notify).</summary>
    internal void FinishTaskExit(Task task)
    {
        using (Kernel.TasksLock.Enter())
        {
            ReparentChildrenLocked(task);
            if (LiveTasks == 0)
            {
                DropTraceExitsLocked();
            }

            bool isLeader = task == Leader;
            if (isLeader)
            {
                task.SetState(TaskState.Zombie);
            }
            else
            {
                TellTracerOfExitLocked(task, null);
                DropTaskLocked(task);
            }

            if (_tasks.Count == 1 && Leader.State == TaskState.Zombie)
            {
                BecomeZombieLocked();
            }
        }

        _groupQueue.Notify(PollIn);
    }

    /// <summary>Ends the session's hold on its terminal when the leader of the session is gone.</summary>
    internal void LeaveTerminal()
    {
        IControllingTerminal? terminal = null;
        Session session = Session;
        using (Kernel.TasksLock.Enter())
        {
            if (session.Leader == this)
            {
                terminal = session.TakeTerminalLocked();
                session.Leader = null;
            }
        }

        terminal?.SessionLeft(session, TerminalLeave.LeaderExited);
    }

    /// <summary>Frees a zombie: its numbers, its place in the tree, its account; the parent gets its times. Under
    /// TasksLock.</summary>
    internal void ReapLocked()
    {
        _isReaped = true;
        Parent?.AddReapedChildLocked(this);
        DropTaskLocked(Leader);
        SetParentLocked(null, null);
        LeaveProcessGroupLocked();
        Identity.ThreadGroup = null;
        PidNamespace.CountProcess(-1);
        PidNamespace.ReleaseIfUnusedLocked(Identity);
        Identity.WaitQueue.Notify(PollIn | PollHup);
        for (PidNamespace? space = PidNamespace; space is not null; space = space.Parent)
        {
            space.Init?._groupQueue.Notify(PollIn);
        }
    }

    /// <summary>Undoes a process that has never run. Under TasksLock.</summary>
    internal void DiscardLocked()
    {
        Volatile.Write(ref _isDead, true);
        ReapLocked();
    }

    /// <summary>Tells the parent of a stop, or that it was called off or ended (kernel/signal.c,
    /// do_notify_parent_cldstop).</summary>
    internal void NotifyParentOfStop(int code)
    {
        using (Kernel.TasksLock.Enter())
        {
            ThreadGroup? parent = Parent;
            if (parent is null)
            {
                return;
            }

            KernelSigaction action = parent.Handlers.Get(Signals.SIGCHLD);
            if (action.sa_handler != Signals.SIG_IGN && (action.sa_flags & Signals.SA_NOCLDSTOP) == 0)
            {
                int status = code == SigCode.CLD_CONTINUED ? Signals.SIGCONT : _stopSignal & 0x7f;
                parent.SendSignal(ChildInfoLocked(parent, Signals.SIGCHLD, code, status), SignalForce.Normal);
            }

            parent.ChildWait.Notify(PollIn);
        }
    }

    private void DropTaskLocked(Task task)
    {
        using (SignalLock.Enter())
        {
            RemoveTaskLocked(task);
        }

        task.ReleaseIdentityLocked();
    }

    private void BecomeZombieLocked()
    {
        SignalOrphanedGroupLocked(ProcessGroup, this);
        Volatile.Write(ref _isDead, true);
        if (TellTracerOfExitLocked(Leader, this))
        {
            _isHeld = true;
            return;
        }

        if (NotifyParentOfExitLocked())
        {
            ReapLocked();
            return;
        }

        Identity.WaitQueue.Notify(PollIn);
    }

    /// <summary>Sends the exit signal and wakes waiters. True when nobody will wait for the zombie (kernel/signal.c,
    /// do_notify_parent).</summary>
    private bool NotifyParentOfExitLocked()
    {
        ThreadGroup? parent = Parent;
        if (parent is null)
        {
            if (OnEnd is { } onEnd)
            {
                onEnd(WaitStatusValue);
            }
            else
            {
                Kernel.NoteInitExit(WaitStatusValue);
            }

            return true;
        }

        int signal = ExitSignal;
        bool reapsItself = parent.IsNamespaceInit && parent.PidNamespace.IsDying;
        if (signal == Signals.SIGCHLD)
        {
            KernelSigaction action = parent.Handlers.Get(signal);
            reapsItself |= action.sa_handler == Signals.SIG_IGN || (action.sa_flags & Signals.SA_NOCLDWAIT) != 0;
            signal = action.sa_handler == Signals.SIG_IGN ? 0 : signal;
        }

        // clone(2) takes any exit signal of eight bits; one that does not exist sends nothing.
        if (SignalSets.IsValid(signal))
        {
            int status = WaitStatusValue;
            int code = WaitStatus.IsExited(status) ? SigCode.CLD_EXITED
                : WaitStatus.IsCoreDumped(status) ? SigCode.CLD_DUMPED : SigCode.CLD_KILLED;
            int detail = WaitStatus.IsExited(status) ? WaitStatus.ExitStatus(status) : WaitStatus.TermSignal(status);
            parent.SendSignal(ChildInfoLocked(parent, signal, code, detail), SignalForce.Normal);
        }

        parent.ChildWait.Notify(PollIn);
        return reapsItself;
    }

    /// <summary>siginfo about this process as <paramref name="parent"/> sees it.</summary>
    internal SigInfo ChildInfoLocked(ThreadGroup parent, int signal, int code, int status)
    {
        CpuTimes times = GetCpuTimes();
        return new SigInfo
        {
            si_signo = signal,
            si_code = code,
            si_pid = Identity.NumberIn(parent.PidNamespace),
            si_uid = parent.Leader.Credentials.UserNamespace.FromKernelUidOrOverflow(Leader.Credentials.RealUid),
            si_status = status,
            si_utime = times.UserNs / NsPerTick,
            si_stime = times.SystemNs / NsPerTick,
        };
    }

    private const long NsPerTick = 1_000_000_000 / ClockTick.HZ;

    /// <summary>
    /// Children of an ending task go to a sibling thread, or, when the process ends, to a subreaper or the init of
    /// the namespace (kernel/exit.c, forget_original_parent).
    /// </summary>
    private void ReparentChildrenLocked(Task dying)
    {
        if (_children.Count == 0)
        {
            return;
        }

        Task? sibling = FindLiveTask(dying);
        ThreadGroup? reaper = sibling is null ? FindReaperLocked() : this;
        LinkedListNode<ThreadGroup>? node = _children.First;
        while (node is not null)
        {
            ThreadGroup child = node.Value;
            node = node.Next;
            if (child.ParentTask == dying || sibling is null)
            {
                GiveChildLocked(child, dying, sibling, reaper);
            }
        }
    }

    private void GiveChildLocked(ThreadGroup child, Task dying, Task? sibling, ThreadGroup? reaper)
    {
        if (child.ParentTask == dying)
        {
            child.SendParentDeathSignals();
        }

        if (sibling is not null)
        {
            child.SetParentTaskLocked(sibling);
            return;
        }

        child.SetParentLocked(reaper, reaper?.FindLiveTask(null));
        child.ExitSignal = Signals.SIGCHLD;
        SignalOrphanedGroupLocked(child.ProcessGroup, null, this);
        if (child._isDead && !child._isReaped && !child._isHeld && child.NotifyParentOfExitLocked())
        {
            child.ReapLocked();
        }
    }

    private void SendParentDeathSignals()
    {
        List<Task> tasks = new();
        CollectTasks(tasks);
        foreach (Task task in tasks)
        {
            if (task.ParentDeathSignal != 0)
            {
                SendSignal(SigInfos.FromKernel(task.ParentDeathSignal) with { si_code = SigCode.SI_USER },
                    SignalForce.Normal);
            }
        }
    }

    private Task? FindLiveTask(Task? except)
    {
        using (SignalLock.Enter())
        {
            if (_liveTasks == 0)
            {
                return null;
            }

            foreach (Task task in _tasks)
            {
                if (task != except && !task.IsExiting)
                {
                    return task;
                }
            }

            return null;
        }
    }

    private ThreadGroup? FindReaperLocked()
    {
        for (ThreadGroup? ancestor = HasChildSubreaper ? Parent : null; ancestor is not null; ancestor =
            ancestor.Parent)
        {
            if (ancestor.PidNamespace != PidNamespace || ancestor.IsNamespaceInit)
            {
                break;
            }

            if (ancestor.IsChildSubreaper && ancestor.FindLiveTask(null) is not null)
            {
                return ancestor;
            }
        }

        ThreadGroup? init = PidNamespace.Init;
        return init == this ? Parent : init;
    }

    /// <summary>
    /// POSIX: when the end of a process orphans a group that has stopped members, they get SIGHUP and SIGCONT
    /// (kernel/exit.c, kill_orphaned_pgrp).
    /// </summary>
    private static void SignalOrphanedGroupLocked(ProcessGroup group, ThreadGroup? leaving,
        ThreadGroup? formerParent = null)
    {
        ThreadGroup? parent = formerParent ?? leaving?.Parent;
        bool mattered = parent is not null && parent.ProcessGroup != group
            && parent.ProcessGroup.Session == group.Session;
        if (mattered && group.IsOrphanedLocked(leaving) && group.HasStoppedMemberLocked())
        {
            group.SendSignalLocked(SigInfos.FromKernel(Signals.SIGHUP));
            group.SendSignalLocked(SigInfos.FromKernel(Signals.SIGCONT));
        }
    }

    /// <summary>
    /// The end of a namespace's init takes all its processes along (kernel/pid_namespace.c, zap_pid_ns_processes):
    /// kill, and wait until they are gone.
    /// </summary>
    internal void EndNamespaceIfInit(Task task)
    {
        if (!IsNamespaceInit)
        {
            return;
        }

        using (Kernel.TasksLock.Enter())
        {
            PidNamespace.IsDying = true;
            List<ThreadGroup> all = new();
            PidNamespace.CollectThreadGroupsLocked(all);
            foreach (ThreadGroup other in all)
            {
                if (other != this)
                {
                    other.SendSignal(SigInfos.FromKernel(Signals.SIGKILL));
                }
            }
        }

        _groupQueue.Add(task.Waiter);
        while (!IsNamespaceEmpty())
        {
            task.BlockUninterruptible();
        }

        _groupQueue.Remove(task.Waiter);
    }

    private bool IsNamespaceEmpty()
    {
        using (Kernel.TasksLock.Enter())
        {
            ReapDeadChildrenLocked();
            return PidNamespace.ProcessesLocked <= 1;
        }
    }

    /// <summary>Frees the children that are zombies, those that a tracer holds too.</summary>
    private void ReapDeadChildrenLocked()
    {
        LinkedListNode<ThreadGroup>? node = _children.First;
        while (node is not null)
        {
            ThreadGroup child = node.Value;
            node = node.Next;
            if (child._isDead && !child._isReaped)
            {
                child.ReapLocked();
            }
        }
    }
}
