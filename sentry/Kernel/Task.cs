using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Kernel;

/// <summary>
/// One guest thread (Linux's task_struct) and the host thread that runs it. Members without a lock note are used by
/// the task's own
/// host thread only.
/// </summary>
public sealed partial class Task
{
    private readonly OrderedLock<LeafLevel> _resourceLock = new();

    // Written by the own thread under _resourceLock; other threads read them under it.
    private MemoryManager? _mm;
    private FdTable? _fdTable;
    private FsContext? _fsContext;
    private MountNamespace? _mountNamespace;

    private IContext? _context;
    private Credentials _credentials;
    private NamespaceSet _namespaces;
    private UserAccount _account;
    private string _name;

    internal Task(GuestKernel kernel, ThreadGroup group, Pid identity, in TaskParts parts)
    {
        Kernel = kernel;
        ThreadGroup = group;
        Identity = identity;
        Tid = identity.Number;
        _mm = parts.Mm;
        _fdTable = parts.FdTable;
        _fsContext = parts.FsContext;
        _mountNamespace = parts.MountNamespace;
        _credentials = parts.Credentials;
        _namespaces = parts.Namespaces;
        _account = kernel.Accounts.Get(parts.Credentials.RealUid);
        _name = parts.Name;
        _dispatchFlags = (int)kernel.Instrumentation;
        Waiter = new TaskWaiter(this);
        _clock = kernel.Clock;
        StartTimeNs = _clock.MonotonicNs;
    }

    /// <summary>Neighbours in the thread group's list; guarded as that.</summary>
    internal Task? NextInGroup { get; set; }

    internal Task? PreviousInGroup { get; set; }

    /// <summary>The kernel this task belongs to.</summary>
    public GuestKernel Kernel { get; }

    /// <summary>Thread group (process).</summary>
    public ThreadGroup ThreadGroup { get; }

    /// <summary>Its struct pid; a non-leader that calls execve takes the leader's. Guarded by the tasks lock.</summary>
    public Pid Identity { get; private set; }

    /// <summary>Thread id in the task's own PID namespace.</summary>
    public int Tid { get; private set; }

    /// <summary>PID namespace the task lives in (not that of its children).</summary>
    public PidNamespace PidNamespace => ThreadGroup.PidNamespace;

    /// <summary>True for the thread whose id is the process id.</summary>
    public bool IsLeader => ThreadGroup.Leader == this;

    /// <summary>Memory; changes at execve. Only for the task itself while it is alive; others use <see
    /// cref="AcquireMm"/>.</summary>
    public MemoryManager Mm => _mm!;

    /// <summary>Descriptors (CLONE_FILES shares them).</summary>
    public FdTable FdTable => _fdTable!;

    /// <summary>Root, working directory, umask (CLONE_FS shares them).</summary>
    public FsContext FsContext => _fsContext!;

    /// <summary>Mount namespace of path walks.</summary>
    public MountNamespace MountNamespace => _mountNamespace!;

    /// <summary>Namespaces other than user and mount. Any thread may read it.</summary>
    public NamespaceSet Namespaces => Volatile.Read(ref _namespaces);

    /// <summary>Identity and capabilities; immutable object, replaced as a whole. Any thread may read it.</summary>
    public Credentials Credentials => Volatile.Read(ref _credentials);

    /// <summary>Registers and FP state.</summary>
    public IContext Context => _context!;

    /// <summary>A reusable wait entry for the common case of waiting on one queue.</summary>
    public TaskWaiter Waiter { get; }

    /// <summary>Thread name (PR_SET_NAME), at most 15 bytes. Any thread.</summary>
    public string Name
    {
        get => Volatile.Read(ref _name);
        set => Volatile.Write(ref _name, value.Length > 15 ? value[..15] : value);
    }

    /// <summary>Guest monotonic time at which the task was made.</summary>
    public long StartTimeNs { get; }

    /// <summary>set_tid_address(2), CLONE_CHILD_CLEARTID: cleared and woken at exit.</summary>
    public GuestAddress ClearChildTid { get; internal set; }

    /// <summary>set_robust_list(2): head of the list of robust futexes the task holds. Null if none.</summary>
    public GuestAddress RobustList { get; set; }

    /// <summary>Signal to send the task when its parent thread ends (PR_SET_PDEATHSIG); 0 for none. Guarded by the
    /// tasks lock.</summary>
    public int ParentDeathSignal { get; internal set; }

    /// <summary>PR_SET_NO_NEW_PRIVS: execve gives no privileges.</summary>
    public bool NoNewPrivileges { get; internal set; }

    /// <summary>personality(2).</summary>
    public uint Personality { get; internal set; }

    /// <summary>Scheduling parameters as set; the host schedules.</summary>
    public required SchedulingState Scheduling { get; set; }

    /// <summary>PR_SET_TIMERSLACK in ns.</summary>
    public ulong TimerSlackNs { get; internal set; } = DefaultTimerSlackNs;

    /// <summary>Timer slack a program starts with.</summary>
    internal const ulong DefaultTimerSlackNs = 50000;

    /// <summary>The user's account that counts this task.</summary>
    internal UserAccount Account => _account;

    /// <summary>A counted reference to the memory for another thread (/proc, process_vm_readv); null when the task
    /// has none. The caller drops it.</summary>
    public MemoryManager? AcquireMm()
    {
        using (_resourceLock.Enter())
        {
            return _mm is not null && _mm.TryAddUser() ? _mm : null;
        }
    }

    /// <summary>An object that is equal for tasks with the same memory (kcmp(2)).</summary>
    internal object? PeekMmIdentity()
    {
        using (_resourceLock.Enter())
        {
            return _mm;
        }
    }

    internal void SetPersonality(uint personality) => Personality = personality;

    /// <summary>
    /// May this task look into another (ptrace(2), "Ptrace access mode checking", PTRACE_MODE_READ with real ids)?
    /// </summary>
    public bool MayInspect(Task target)
    {
        if (target.ThreadGroup == ThreadGroup)
        {
            return true;
        }

        Credentials mine = Credentials;
        Credentials theirs = target.Credentials;
        bool capable = mine.HasCapability(Capability.CAP_SYS_PTRACE, theirs.UserNamespace);
        bool same = mine.RealUid == theirs.EffectiveUid && mine.RealUid == theirs.SavedUid
            && mine.RealUid == theirs.RealUid
            && mine.RealGid == theirs.EffectiveGid && mine.RealGid == theirs.SavedGid && mine.RealGid == theirs.RealGid;
        bool covers = capable || (theirs.UserNamespace == mine.UserNamespace
            && (theirs.Permitted & ~mine.Permitted) == 0);
        return (same || capable) && covers && (capable || target.ThreadGroup.Dumpable == 1);
    }

    /// <summary>The memory for the task itself, null once it is ending.</summary>
    internal MemoryManager? PeekMm() => _mm;

    /// <summary>The descriptors for another thread; null after exit.</summary>
    public FdTable? PeekFdTable()
    {
        using (_resourceLock.Enter())
        {
            return _fdTable;
        }
    }

    /// <summary>The file-system context for another thread; null after exit.</summary>
    public FsContext? PeekFsContext()
    {
        using (_resourceLock.Enter())
        {
            return _fsContext;
        }
    }

    /// <summary>The mount namespace for another thread; null after exit.</summary>
    public MountNamespace? PeekMountNamespace()
    {
        using (_resourceLock.Enter())
        {
            return _mountNamespace;
        }
    }

    /// <summary>Gives the task its root, working directory and mounts: before it starts, and for setns(2),
    /// unshare(2).</summary>
    public void SetFileSystem(FsContext context, MountNamespace mounts)
    {
        using (_resourceLock.Enter())
        {
            _fsContext = context;
            _mountNamespace = mounts;
        }
    }

    /// <summary>Replaces the descriptors (unshare(2) with CLONE_FILES, close_range(2) with CLOSE_RANGE_UNSHARE); the
    /// old table is the caller's to drop.</summary>
    public FdTable ReplaceFdTable(FdTable table)
    {
        using (_resourceLock.Enter())
        {
            FdTable old = _fdTable!;
            _fdTable = table;
            return old;
        }
    }

    internal void SetNamespaces(NamespaceSet namespaces) => Volatile.Write(ref _namespaces, namespaces);

    internal MemoryManager? ReplaceMm(MemoryManager? mm)
    {
        using (_resourceLock.Enter())
        {
            MemoryManager? old = _mm;
            _mm = mm;
            return old;
        }
    }
}

/// <summary>What a new task is made of; each part already counted for it.</summary>
internal struct TaskParts
{
    internal MemoryManager? Mm;
    internal FdTable FdTable;
    internal FsContext? FsContext;
    internal MountNamespace? MountNamespace;
    internal Credentials Credentials;
    internal NamespaceSet Namespaces;
    internal string Name;
}

/// <summary>Scheduling parameters, sched(7): kept and reported, the host's scheduler does not hear of them.</summary>
public sealed record SchedulingState
{
    /// <summary>SCHED_NORMAL...</summary>
    public int Policy { get; init; }

    /// <summary>Real-time priority, 0 for the normal policies.</summary>
    public int Priority { get; init; }

    /// <summary>Nice value, -20..19.</summary>
    public int Nice { get; init; }

    /// <summary>SCHED_RESET_ON_FORK.</summary>
    public bool ResetOnFork { get; init; }

    /// <summary>CPUs the task may run on, one bit each.</summary>
    public required ulong[] Affinity { get; init; }

    /// <summary>I/O class and level, ioprio_set(2).</summary>
    public int IoPriority { get; init; }

    /// <summary>A mask with the first <paramref name="count"/> CPUs.</summary>
    public static ulong[] AllCpus(int count)
    {
        const int BitsPerWord = 64;
        ulong[] mask = new ulong[(count + BitsPerWord - 1) / BitsPerWord];
        for (int cpu = 0; cpu < count; cpu++)
        {
            mask[cpu / BitsPerWord] |= 1UL << (cpu % BitsPerWord);
        }

        return mask;
    }

    /// <summary>What a child starts with: the same, or the defaults after SCHED_RESET_ON_FORK.</summary>
    public SchedulingState ForChild()
    {
        if (!ResetOnFork)
        {
            return this;
        }

        bool realTime = Policy is Sched.SCHED_FIFO or Sched.SCHED_RR;
        return this with { ResetOnFork = false, Policy = realTime ? Sched.SCHED_NORMAL : Policy, Priority = 0, Nice =
            System.Math.Max(Nice, 0) };
    }
}
