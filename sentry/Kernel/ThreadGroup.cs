using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>A process: tasks that share signal handlers, limits, timers and a PID (Linux's signal_struct).</summary>
public sealed partial class ThreadGroup : IMemoryLimits
{
    private int _filesInFlight;

    // Guarded by TasksLock for writing together with SignalLock; either is enough to read.
    private readonly TaskList _tasks = new();

    // Guarded by TasksLock.
    private readonly LinkedList<ThreadGroup> _children = new();
    private readonly LinkedListNode<ThreadGroup> _childNode;
    private CpuTimes _exitedTimes;
    private CpuTimes _childrenTimes;
    private ResourceCounters _exitedCounters;
    private ResourceCounters _childrenCounters;
    private int _parentId;

    internal ThreadGroup(GuestKernel kernel, Pid identity, ProcessGroup processGroup, SignalHandlers handlers,
        ResourceLimits limits)
    {
        Kernel = kernel;
        Identity = identity;
        Id = identity.Number;
        ProcessGroup = processGroup;
        _handlers = handlers;
        Limits = limits;
        _childNode = new LinkedListNode<ThreadGroup>(this);
        Scope = kernel.RootScope;
        identity.ThreadGroup = this;
        identity.Namespace.CountProcess(1);
        processGroup.Members.Add(this);
    }

    /// <summary>The kernel.</summary>
    public GuestKernel Kernel { get; }

    /// <summary>The container it belongs to.</summary>
    public TaskScope Scope { get; init; }

    /// <summary>Its struct pid: that of the leader.</summary>
    public Pid Identity { get; }

    /// <summary>Process id in its own PID namespace.</summary>
    public int Id { get; }

    /// <summary>PID namespace it lives in.</summary>
    public PidNamespace PidNamespace => Identity.Namespace;

    /// <summary>Thread whose id is the process id; execve by another thread changes it.</summary>
    public Task Leader { get; private set; } = null!;

    /// <summary>Parent process; null for the first process and once it is reaped. Guarded by TasksLock.</summary>
    public ThreadGroup? Parent { get; private set; }

    /// <summary>Thread of the parent that made it (or adopted it), for __WNOTHREAD and PR_SET_PDEATHSIG. Guarded by
    /// TasksLock.</summary>
    internal Task? ParentTask { get; private set; }

    /// <summary>Process group. Guarded by TasksLock for writing.</summary>
    public ProcessGroup ProcessGroup { get; private set; }

    /// <summary>Session.</summary>
    public Session Session => ProcessGroup.Session;

    /// <summary>True for the leader of its session.</summary>
    public bool IsSessionLeader => Session.Leader == this;

    /// <summary>Limits, getrlimit(2).</summary>
    public ResourceLimits Limits { get; }

    /// <summary>Signal that tells the parent of its end (SIGCHLD, or what clone asked for; 0 for none). Guarded by
    /// TasksLock.</summary>
    public int ExitSignal { get; internal set; } = Signals.SIGCHLD;

    /// <summary>PR_SET_CHILD_SUBREAPER.</summary>
    public bool IsChildSubreaper { get; internal set; }

    /// <summary>An ancestor is a subreaper: orphans look for it. Inherited.</summary>
    internal bool HasChildSubreaper { get; set; }

    /// <summary>True once it called execve: setpgid(2) by the parent is over.</summary>
    public bool HasExecuted { get; internal set; }

    /// <summary>PR_SET_DUMPABLE: 0 no, 1 yes, 2 root only.</summary>
    public int Dumpable { get; internal set; } = 1;

    /// <summary>PR_SET_THP_DISABLE.</summary>
    public bool HugePagesDisabled { get; internal set; }

    /// <summary>/proc/pid/coredump_filter: kinds of mappings (core(5)).</summary>
    public uint CoreDumpFilter { get; internal set; } = 0x33;

    /// <summary>/proc/pid/oom_score_adj, -1000..1000.</summary>
    public int OomScoreAdjust { get; set; }

    /// <summary>Notified when a child changes state (Linux's wait_chldexit).</summary>
    internal WaitQueue ChildWait { get; } = new();

    /// <summary>Init of its PID namespace: signals of its own namespace reach it only through handlers.</summary>
    public bool IsNamespaceInit => Identity.Number == 1;

    /// <summary>The first process of the sandbox.</summary>
    public bool IsGlobalInit => IsNamespaceInit && PidNamespace.Parent is null;

    /// <summary>Number of tasks that have not ended.</summary>
    public int LiveTasks
    {
        get
        {
            using (SignalLock.Enter())
            {
                return _liveTasks;
            }
        }
    }

    /// <summary>RLIMIT_CPU changed: the owner of CPU timers arms itself anew.</summary>
    partial void OnCpuLimitChanged();

    /// <summary>RLIMIT_RTTIME changed: so do the timers of the tasks.</summary>
    partial void OnRealTimeLimitChanged();

    /// <summary>A limit was set.</summary>
    internal void LimitChanged(int resource)
    {
        if (resource == Resource.RLIMIT_CPU)
        {
            OnCpuLimitChanged();
        }
        else if (resource == Resource.RLIMIT_RTTIME)
        {
            OnRealTimeLimitChanged();
        }
    }

    /// <inheritdoc/>
    public ulong SoftLimit(int resource) => Limits.Soft(resource);

    /// <inheritdoc/>
    public bool IsEnding => Task.OfThisThread is { IsKilled: true };

    /// <summary>Descriptors that the process has sent over Unix sockets and nobody has received yet.</summary>
    internal int FilesInFlight => Volatile.Read(ref _filesInFlight);

    /// <summary>Counts files that begin (positive) or end (negative) to travel.</summary>
    internal void ChangeFilesInFlight(int change) => Interlocked.Add(ref _filesInFlight, change);

    /// <summary>Appends all tasks that still exist (the dead leader too), leader first.</summary>
    public void CollectTasks(List<Task> result)
    {
        using (SignalLock.Enter())
        {
            foreach (Task task in _tasks)
            {
                result.Add(task);
            }
        }
    }

    /// <summary>The task with this thread id in <paramref name="viewer"/>, null when the process has none.</summary>
    public Task? FindTask(int tid, PidNamespace viewer)
    {
        Task? task = viewer.FindTask(tid);
        return task?.ThreadGroup == this ? task : null;
    }

    /// <summary>Appends all children.</summary>
    public void CollectChildren(List<ThreadGroup> result)
    {
        using (Kernel.TasksLock.Enter())
        {
            result.AddRange(_children);
        }
    }

    /// <summary>Parent's process id in this process's namespace, getppid(2); 0 when it is outside. Any
    /// thread.</summary>
    public int ParentId => Volatile.Read(ref _parentId);

    /// <summary>Parent's process id as <paramref name="viewer"/> sees it; 0 when it is outside.</summary>
    public int ParentIdIn(PidNamespace viewer)
    {
        using (Kernel.TasksLock.Enter())
        {
            return Parent?.Identity.NumberIn(viewer) ?? 0;
        }
    }

    /// <summary>CPU time of all its tasks, ended ones included.</summary>
    public CpuTimes GetCpuTimes()
    {
        using (SignalLock.Enter())
        {
            return CpuTimesLocked();
        }
    }

    /// <summary>CPU time of reaped descendants.</summary>
    public CpuTimes GetChildrenCpuTimes()
    {
        using (Kernel.TasksLock.Enter())
        {
            return _childrenTimes;
        }
    }

    /// <summary>Counters of all its tasks, ended ones included.</summary>
    public ResourceCounters GetCounters()
    {
        using (SignalLock.Enter())
        {
            return CountersLocked();
        }
    }

    /// <summary>Counters of reaped descendants.</summary>
    public ResourceCounters GetChildrenCounters()
    {
        using (Kernel.TasksLock.Enter())
        {
            return _childrenCounters;
        }
    }

    internal LinkedList<ThreadGroup> ChildrenLocked => _children;

    internal void AddTaskLocked(Task task)
    {
        SignalLock.AssertHeld();
        if (_tasks.Count == 0)
        {
            Leader = task;
        }

        _tasks.AddLast(task);
        _liveTasks++;
    }

    /// <summary>Takes a reaped task off the list; its times stay with the group.</summary>
    internal void RemoveTaskLocked(Task task)
    {
        SignalLock.AssertHeld();
        _exitedTimes.Add(task.GetCpuTimes());
        _exitedCounters.Add(task.Counters);
        if (_nextTarget == task)
        {
            _nextTarget = task.NextInGroup;
        }

        _tasks.Remove(task);
        _groupQueue.Notify(1);
    }

    internal void SetLeaderLocked(Task task)
    {
        _tasks.Remove(task);
        _tasks.AddFirst(task);
        Leader = task;
    }

    internal void SetParentLocked(ThreadGroup? parent, Task? parentTask)
    {
        Parent?._children.Remove(_childNode);
        Parent = parent;
        Volatile.Write(ref _parentId, parent?.Identity.NumberIn(PidNamespace) ?? 0);
        ParentTask = parentTask;
        parent?._children.AddLast(_childNode);
    }

    internal void SetParentTaskLocked(Task task) => ParentTask = task;

    /// <summary>Moves the process to another group, which frees the old one when it was the last member.</summary>
    internal void SetProcessGroupLocked(ProcessGroup group)
    {
        LeaveProcessGroupLocked();
        ProcessGroup = group;
        group.Members.Add(this);
    }

    internal void LeaveProcessGroupLocked()
    {
        ProcessGroup old = ProcessGroup;
        old.Members.Remove(this);
        if (old.Members.Count != 0)
        {
            return;
        }

        old.Identity.ProcessGroup = null;
        PidNamespace.ReleaseIfUnusedLocked(old.Identity);
        Session session = old.Session;
        session.Groups.Remove(old);
        if (session.Groups.Count == 0)
        {
            session.Identity.Session = null;
            PidNamespace.ReleaseIfUnusedLocked(session.Identity);
        }
    }

    /// <summary>A reaped child's account joins this process's.</summary>
    internal void AddReapedChildLocked(ThreadGroup child)
    {
        _childrenTimes.Add(child.GetCpuTimes());
        _childrenTimes.Add(child._childrenTimes);
        _childrenCounters.Add(child.GetCounters());
        _childrenCounters.Add(child._childrenCounters);
    }

    private ResourceCounters CountersLocked()
    {
        ResourceCounters result = _exitedCounters;
        foreach (Task task in _tasks)
        {
            result.Add(task.Counters);
        }

        return result;
    }

    private CpuTimes CpuTimesLocked()
    {
        CpuTimes result = _exitedTimes;
        foreach (Task task in _tasks)
        {
            result.Add(task.GetCpuTimes());
        }

        return result;
    }
}
