using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Mm;

namespace Sentry.Kernel;

public sealed partial class GuestKernel : IOutOfMemoryHandler
{
    private const int OomWaitMs = 5;

    // A task: its objects here, and its host thread's stack and records.
    private const long TaskBytes = 16 << 10;

    // What the heap holds when no process makes the Sentry keep anything.
    private const long OwnHeapBytes = 8 << 20;

    // An open file with its inode, its names and what it waits for.
    private const long LargestObjectBytes = 4 << 10;

    // Cached names take a small part of a small limit.
    private const ulong MemoryPerCachedName = 32 << 10;
    private const int LeastCachedNames = 1024;

    /// <inheritdoc/>
    /// <remarks>For accesses of the kernel itself to guest memory, which cannot simply be repeated: waits a little
    /// for the victim's memory.</remarks>
    public Errno Relieve(ulong neededBytes) => Relieve(null);

    private Errno Relieve(TaskScope? scope)
    {
        if (!OomKill(scope))
        {
            return Errno.ENOMEM;
        }

        Thread.Sleep(OomWaitMs);
        return Errno.None;
    }

    /// <summary>The limit of the memory file binds the Sentry's own memory too.</summary>
    private void BoundMemory()
    {
        MemoryFile.OutOfMemory ??= this;
        KernelHeap.Account.BindTo(MemoryFile);
        ulong names = MemoryFile.LimitBytes / MemoryPerCachedName;
        Vfs.CacheLimit = (int)System.Math.Min(System.Math.Max(names, LeastCachedNames), (ulong)Vfs.CacheLimit);
        HeapWatch.Start(this);
    }

    /// <summary>
    /// Ends the process that holds the most memory, weighed by oom_score_adj (mm/oom_kill.c), so that the sandbox can
    /// go on: where the limit of a container is what was reached, one of that container. What it makes the Sentry keep
    /// is memory too. False when there is none to end.
    /// </summary>
    public bool OomKill(TaskScope? scope = null)
    {
        scope = scope is { } some && some.Memory.Tighter != MemoryFile ? some : null;
        ThreadGroup? victim = ChooseOomVictim(scope);
        if (victim is null)
        {
            return false;
        }

        if (!victim.IsGroupExiting)
        {
            Interlocked.Increment(ref _oomKills);
            victim.Scope.NoteOomKill();
            if (scope is null)
            {
                OomKilled?.Invoke();
            }
        }

        victim.BeginGroupExit(WaitStatus.Signaled(Signals.SIGKILL));
        return true;
    }

    /// <summary>Called before a process is ended because the sandbox's memory is short, by a task that may hold locks:
    /// it must not come back here.</summary>
    public Action? OomKilled { get; set; }

    /// <summary>Processes ended because memory was short.</summary>
    public long OomKills => Volatile.Read(ref _oomKills);

    private long _oomKills;

    /// <summary>A fault of <paramref name="task"/> found no memory: somebody must go. The task tries again, or is
    /// itself the victim.</summary>
    internal void OutOfMemory(Task task)
    {
        if (!OomKill(task.ThreadGroup.Scope))
        {
            task.ThreadGroup.BeginGroupExit(WaitStatus.Signaled(Signals.SIGKILL));
        }
    }

    private ThreadGroup? ChooseOomVictim(TaskScope? scope)
    {
        List<ThreadGroup> groups = new();
        RootPidNamespace.CollectThreadGroups(groups);
        long objectBytes = KeptObjectBytes(groups);
        groups.RemoveAll(group => scope is not null && group.Scope != scope);
        ThreadGroup? worst = null;
        long worstScore = long.MinValue;
        foreach (ThreadGroup group in groups)
        {
            if (group.IsDead || group.OomScoreAdjust == -1000)
            {
                continue;
            }

            if (group.IsGroupExiting)
            {
                // Somebody is on the way out already: its memory will come.
                return group;
            }

            // Init of a namespace takes all others with it.
            long score = OomScore(group, objectBytes);
            if (score > worstScore || (score == worstScore && worst is { IsNamespaceInit: true }))
            {
                worstScore = score;
                worst = group;
            }
        }

        return worst;
    }

    /// <summary>
    /// What one object of <see cref="KeptObjects"/> takes on the Sentry's heap, roughly: its share of the heap, as
    /// nobody can tell whose each part is, and not more than such an object can take.
    /// </summary>
    private static long KeptObjectBytes(List<ThreadGroup> groups)
    {
        long objects = 1;
        foreach (ThreadGroup group in groups)
        {
            objects += KeptObjects(group);
        }

        long committed = GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes;
        long heap = System.Math.Max(committed, GC.GetTotalMemory(forceFullCollection: false)) - OwnHeapBytes;
        return System.Math.Min(System.Math.Max(heap, KernelHeap.Bytes) / objects, LargestObjectBytes);
    }

    /// <summary>What goes with the process: open files, and those it sent that nobody has received.</summary>
    private static long KeptObjects(ThreadGroup group) =>
        group.Leader.PeekFdTable() is { } table ? table.OpenCount + System.Math.Max(group.FilesInFlight, 0) : 0;

    private long OomScore(ThreadGroup group, long objectBytes)
    {
        MemoryManager? mm = group.Leader.AcquireMm();
        if (mm is null)
        {
            return long.MinValue;
        }

        long pages = (long)(mm.ResidentBytes / GuestAddress.PageSize);
        mm.DropUser();
        pages += KeptObjects(group) * objectBytes / (long)GuestAddress.PageSize;
        ulong total = group.Scope.Memory.LimitBytes;
        return pages + ((long)(total / GuestAddress.PageSize) / 1000 * group.OomScoreAdjust);
    }

    /// <summary>Memory of one container is short; as <see cref="GuestKernel"/> for the whole.</summary>
    private sealed class ScopedOutOfMemory(GuestKernel kernel, TaskScope scope) : IOutOfMemoryHandler
    {
        /// <inheritdoc/>
        public Errno Relieve(ulong neededBytes) => kernel.Relieve(scope);
    }
}
