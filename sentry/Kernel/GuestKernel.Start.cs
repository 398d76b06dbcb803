using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Loader;
using Sentry.Sync;

namespace Sentry.Kernel;

public sealed partial class GuestKernel
{
    private readonly ManualResetEventSlim _initExited = new(false);
    private readonly OrderedLock<LeafLevel> _freezeLock = new();
    private int _initStatus;
    private bool _timersStarted;
    private Task? _initTask;

    // Guarded by _freezeLock.
    private bool _isFrozen;
    private readonly List<Task> _parked = new();

    /// <summary>The first process once it is made.</summary>
    public ThreadGroup? Init => RootPidNamespace.Init;

    /// <summary>
    /// Makes the first process of the sandbox without a program: its task can already serve as the caller of mounts
    /// and of file operations.
    /// </summary>
    public Task CreateInit(InitProcess spec)
    {
        BoundMemory();
        NamespaceSet namespaces = new()
        {
            Uts = new UtsNamespace(RootUserNamespace, spec.HostName, spec.DomainName),
            Ipc = new IpcNamespace(RootUserNamespace),
            Net = new NetNamespace(RootUserNamespace),
            Cgroup = new CgroupNamespace(RootUserNamespace),
            Time = new TimeNamespace(RootUserNamespace),
            TimeForChildren = new TimeNamespace(RootUserNamespace),
            PidForChildren = RootPidNamespace,
        };
        namespaces = namespaces with { TimeForChildren = namespaces.Time };
        using (TasksLock.Enter())
        {
            if (RootPidNamespace.AllocateLocked([1], out Pid? identity) != Errno.None)
            {
                throw new InvalidOperationException("the first process exists already");
            }

            TryAddTask(RootScope);
            Task task = NewTaskLocked(spec, identity!, namespaces, RootScope);
            RootPidNamespace.Init = task.ThreadGroup;
            RootPidNamespace.LastPid = 1;
            _initTask = task;
            return task;
        }
    }

    /// <summary>
    /// Loads the program of a process that has not run yet and runs it. <paramref name="path"/> is as execve(2) takes
    /// it; arguments and environment are byte strings.
    /// The errno is execve's. On success every descriptor with FD_CLOEXEC has been closed.
    /// </summary>
    public Errno Start(Task init, string path, string[] arguments, string[] environment)
    {
        TaskThread? thread = Threads.Acquire(Platform);
        if (thread is null)
        {
            return Errno.EAGAIN;
        }

        Errno errno = init.LoadInitialProgram(path, arguments, environment);
        if (errno != Errno.None)
        {
            thread.Abandon();
            return errno;
        }

        if (Interlocked.Exchange(ref _timersStarted, true) is false)
        {
            Timers.Start();
        }

        init.ThreadGroup.InheritCpuLimit();
        thread.Start(init);
        return Errno.None;
    }

    /// <summary>
    /// Makes a process that enters a container from outside (setns(2) of all namespaces of its first process, and a
    /// fork): it has a session of its own and no parent. <see cref="Start"/> gives it a program, or
    /// <see cref="Discard"/> undoes it. <paramref name="onEnd"/> hears its wait status, on any thread and under the
    /// tasks lock. ESRCH when the container's first process is not there or ends.
    /// </summary>
    public Errno CreateProcess(InitProcess spec, ThreadGroup? container, Action<int> onEnd, out Task? task)
    {
        task = null;
        TaskScope scope = container?.Scope ?? RootScope;
        if (!TryAddTask(scope))
        {
            return Errno.EAGAIN;
        }

        Errno errno;
        using (TasksLock.Enter())
        {
            PidNamespace space = container?.PidNamespace ?? RootPidNamespace;
            Pid? identity = null;
            errno = container is null || container.IsDead || space.IsDying
                ? Errno.ESRCH
                : space.AllocateLocked([], out identity);
            if (errno == Errno.None)
            {
                NamespaceSet namespaces = container!.Leader.Namespaces with { PidForChildren = space };
                task = NewTaskLocked(spec, identity!, namespaces, scope);
                task.ThreadGroup.OnEnd = onEnd;
            }
        }

        if (errno != Errno.None)
        {
            DropTask(scope);
        }

        return errno;
    }

    /// <summary>Takes back a process of <see cref="CreateProcess"/> that could not be started.</summary>
    public void Discard(Task task)
    {
        task.DropFiles();
        using (TasksLock.Enter())
        {
            task.ThreadGroup.DiscardLocked();
        }
    }

    /// <summary>Waits until the first process and with it every other has ended; the wait status (wait(2)) of the
    /// first.</summary>
    public int WaitForExit()
    {
        _initExited.Wait();
        return _initStatus;
    }

    /// <summary>As <see cref="WaitForExit()"/>; false when it takes longer.</summary>
    public bool WaitForExit(int timeoutMs) => _initExited.Wait(timeoutMs);

    /// <summary>True once <see cref="WaitForExit()"/> would return at once.</summary>
    public bool HasExited => _initExited.IsSet;

    /// <summary>
    /// Sends a signal from outside the sandbox to the first process, as the parent namespace of a container does:
    /// SIGKILL and SIGSTOP work, others
    /// only when the process handles them.
    /// </summary>
    public Errno SignalInit(int signal)
    {
        ThreadGroup? init = Init;
        return init is null ? Errno.ESRCH : init.SendSignal(new SigInfo { si_signo = signal, si_code =
            SigCode.SI_USER });
    }

    /// <summary>Sends a signal from outside to every process that a namespace sees (runsc kill --all).</summary>
    public static void SignalAll(PidNamespace space, int signal)
    {
        List<ThreadGroup> all = new();
        space.CollectThreadGroups(all);
        foreach (ThreadGroup group in all)
        {
            group.SendSignal(new SigInfo { si_signo = signal, si_code = SigCode.SI_USER });
        }
    }

    /// <summary>Stops all tasks, or those of one container, before their next instruction (runsc pause); returns when
    /// none of them runs guest code.</summary>
    public void Freeze(TaskScope? scope = null)
    {
        using (_freezeLock.Enter())
        {
            SetFrozenLocked(scope, true);
        }

        List<Task> tasks = new();
        CollectTasks(tasks);
        tasks.RemoveAll(task => scope is not null && task.ThreadGroup.Scope != scope);
        foreach (Task task in tasks)
        {
            task.Interrupt(TaskWork.Freeze);
        }

        foreach (Task task in tasks)
        {
            while (task.IsInGuest)
            {
                Thread.Sleep(1);
            }
        }
    }

    /// <summary>True between <see cref="Freeze"/> and <see cref="Thaw"/> of the same.</summary>
    public bool IsFrozen(TaskScope? scope = null)
    {
        using (_freezeLock.Enter())
        {
            return scope?.IsFrozen ?? _isFrozen;
        }
    }

    /// <summary>True when the task must not run: all or its container's are frozen.</summary>
    internal bool MustPark(Task task)
    {
        using (_freezeLock.Enter())
        {
            return MustParkLocked(task);
        }
    }

    /// <summary>Undoes <see cref="Freeze"/>.</summary>
    public void Thaw(TaskScope? scope = null)
    {
        using (_freezeLock.Enter())
        {
            SetFrozenLocked(scope, false);
            foreach (Task task in _parked)
            {
                task.Wake();
            }

            _parked.Clear();
        }
    }

    /// <summary>Appends every task of the sandbox.</summary>
    public void CollectTasks(List<Task> result)
    {
        List<ThreadGroup> groups = new();
        RootPidNamespace.CollectThreadGroups(groups);
        foreach (ThreadGroup group in groups)
        {
            group.CollectTasks(result);
        }
    }

    /// <summary>Holds a task until <see cref="Thaw"/> or a kill.</summary>
    internal void ParkWhileFrozen(Task task)
    {
        while (!task.IsKilled)
        {
            using (_freezeLock.Enter())
            {
                if (!MustParkLocked(task))
                {
                    // Under the lock: the bit of a later Freeze stays.
                    task.ClearWork(TaskWork.Freeze);
                    return;
                }

                _parked.Add(task);
            }

            task.BlockKillable();
        }
    }

    private void SetFrozenLocked(TaskScope? scope, bool isFrozen)
    {
        if (scope is null)
        {
            _isFrozen = isFrozen;
        }
        else
        {
            scope.IsFrozen = isFrozen;
        }
    }

    private bool MustParkLocked(Task task) => _isFrozen || task.ThreadGroup.Scope.IsFrozen;

    /// <summary>The first process has ended, and all others before it.</summary>
    internal void NoteInitExit(int waitStatus)
    {
        _initStatus = waitStatus;
        _initExited.Set();
    }

    private Task NewTaskLocked(InitProcess spec, Pid identity, NamespaceSet namespaces, TaskScope scope)
    {
        Session session = new(identity, null);
        ProcessGroup processGroup = new(identity, session);
        ThreadGroup group = new(this, identity, processGroup, new SignalHandlers(), spec.Limits)
        {
            OomScoreAdjust = spec.OomScoreAdjust,
            Protection = spec.Protection,
            Scope = scope,
        };
        session.Leader = group;
        TaskParts parts = new()
        {
            FdTable = spec.FdTable,
            FsContext = spec.FsContext,
            MountNamespace = spec.MountNamespace,
            Credentials = spec.Credentials,
            Namespaces = namespaces,
            Name = identity.Number == 1 ? "init" : "exec",
        };
        Task task = new(this, group, identity, parts)
        {
            NoNewPrivileges = spec.PrivilegeGain == PrivilegeGain.Denied,
            Scheduling = new SchedulingState { Nice = spec.Nice, Affinity = SchedulingState.AllCpus(CpuCount) },
        };
        identity.Task = task;
        task.Account.AddTask();
        using (group.SignalLock.Enter())
        {
            group.AddTaskLocked(task);
        }

        return task;
    }
}
