using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>A PID namespace (pid_namespaces(7)). Tables are guarded by the tasks lock of the kernel.</summary>
public sealed partial class PidNamespace : INamespace
{
    /// <summary>Deepest nesting (MAX_PID_NS_LEVEL, include/linux/pid_namespace.h).</summary>
    public const int MaxLevel = 32;

    private const int ReservedPids = 300;

    private readonly OrderedLock<LeafLevel> _tableLock = new();

    // Written under TasksLock and _tableLock together, so that either is enough to read.
    private readonly Dictionary<int, Pid> _pids = new();

    // Guarded by TasksLock.
    private int _lastPid;
    private int _limit = 32768;
    private int _processes;

    /// <summary>A namespace under <paramref name="parent"/> (null: the root).</summary>
    public PidNamespace(GuestKernel kernel, PidNamespace? parent, UserNamespace owner)
    {
        Kernel = kernel;
        Parent = parent;
        Owner = owner;
        Level = parent is null ? 0 : parent.Level + 1;
    }

    /// <summary>The kernel.</summary>
    public GuestKernel Kernel { get; }

    /// <summary>Null for the root namespace.</summary>
    public PidNamespace? Parent { get; }

    /// <summary>0 for the root.</summary>
    public int Level { get; }

    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.Pid;

    /// <inheritdoc/>
    public ulong InodeNumber { get; } = NamespaceInodes.Next();

    /// <inheritdoc/>
    public UserNamespace Owner { get; }

    /// <summary>Process 1: adopts orphans, and takes the namespace with it when it ends. Null before it
    /// exists.</summary>
    public ThreadGroup? Init { get; internal set; }

    /// <summary>True once init has ended: no new process may come (fork answers ENOMEM).</summary>
    public bool IsDying { get; internal set; }

    /// <summary>Number given last (/proc/sys/kernel/ns_last_pid).</summary>
    public int LastPid
    {
        get => _lastPid;
        set => _lastPid = value;
    }

    /// <summary>One more than the largest number (/proc/sys/kernel/pid_max).</summary>
    public int Limit
    {
        get => _limit;
        set => _limit = value;
    }

    /// <summary>Number of identities in use.</summary>
    public int Count
    {
        get
        {
            using (_tableLock.Enter())
            {
                return _pids.Count;
            }
        }
    }

    /// <summary>Identity behind a number, null when there is none.</summary>
    public Pid? Find(int number)
    {
        using (_tableLock.Enter())
        {
            return _pids.GetValueOrDefault(number);
        }
    }

    /// <summary>Task with the thread id, dead leaders included until they are reaped.</summary>
    public Task? FindTask(int tid) => Find(tid)?.Task;

    /// <summary>Process with the id, zombies included.</summary>
    public ThreadGroup? FindThreadGroup(int pid) => Find(pid)?.ThreadGroup;

    /// <summary>Appends all processes (zombies included) in the order of their ids.</summary>
    public void CollectThreadGroups(List<ThreadGroup> result)
    {
        int first = result.Count;
        using (Kernel.TasksLock.Enter())
        {
            CollectThreadGroupsLocked(result);
        }

        result.Sort(first, result.Count - first, Comparer<ThreadGroup>.Create(CompareIds));
    }

    /// <summary>True when this is <paramref name="other"/> or inside it.</summary>
    public bool IsDescendantOf(PidNamespace other)
    {
        PidNamespace? current = this;
        while (current is not null && current != other)
        {
            current = current.Parent;
        }

        return current == other;
    }

    /// <summary>Processes it sees, zombies included; under TasksLock.</summary>
    internal int ProcessesLocked => _processes;

    /// <summary>A process of this namespace came (1) or was reaped (-1): all namespaces that see it count it. Under
    /// TasksLock.</summary>
    internal void CountProcess(int change)
    {
        for (PidNamespace? current = this; current is not null; current = current.Parent)
        {
            current._processes += change;
        }
    }

    internal void CollectThreadGroupsLocked(List<ThreadGroup> result)
    {
        foreach (Pid pid in _pids.Values)
        {
            if (pid.ThreadGroup is not null)
            {
                result.Add(pid.ThreadGroup);
            }
        }
    }

    /// <summary>
    /// Takes a number here and in every ancestor. <paramref name="wanted"/> (clone3 set_tid) names numbers from this
    /// level outwards; empty for any.
    /// EAGAIN when numbers are short, EEXIST or EINVAL for impossible wishes, ENOMEM when the namespace is dying.
    /// </summary>
    internal Errno AllocateLocked(ReadOnlySpan<int> wanted, out Pid? result)
    {
        result = null;
        int[] numbers = new int[Level + 1];
        Errno errno = Errno.None;
        PidNamespace? current = this;
        for (int level = Level; level >= 0 && errno == Errno.None; level--)
        {
            int index = Level - level;
            errno = index < wanted.Length
                ? current!.ReserveLocked(wanted[index])
                : current!.NextFreeLocked(out numbers[level]);
            numbers[level] = index < wanted.Length ? wanted[index] : numbers[level];
            current = current.Parent;
        }

        if (errno == Errno.None && IsDying)
        {
            errno = Errno.ENOMEM;
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        result = new Pid(this, numbers);
        for (current = this; current is not null; current = current.Parent)
        {
            using (current._tableLock.Enter())
            {
                current._pids.Add(numbers[current.Level], result);
            }
        }

        return Errno.None;
    }

    /// <summary>Gives the numbers back when no task, group or session uses the identity.</summary>
    internal static void ReleaseIfUnusedLocked(Pid pid)
    {
        if (!pid.IsUnused)
        {
            return;
        }

        for (PidNamespace? current = pid.Namespace; current is not null; current = current.Parent)
        {
            int number = pid.NumberAtLevel(current.Level);
            using (current._tableLock.Enter())
            {
                if (current._pids.GetValueOrDefault(number) == pid)
                {
                    current._pids.Remove(number);
                }
            }
        }
    }

    private Errno ReserveLocked(int number)
    {
        if (number < 1 || number >= _limit || (number != 1 && Init is null))
        {
            return Errno.EINVAL;
        }

        return _pids.ContainsKey(number) ? Errno.EEXIST : Errno.None;
    }

    private Errno NextFreeLocked(out int number)
    {
        number = _lastPid;
        for (int tries = 0; tries < _limit; tries++)
        {
            number++;
            if (number >= _limit)
            {
                number = _lastPid < ReservedPids ? 1 : ReservedPids;
            }

            if (!_pids.ContainsKey(number))
            {
                _lastPid = number;
                return Errno.None;
            }
        }

        return Errno.EAGAIN;
    }

    private int CompareIds(ThreadGroup left, ThreadGroup right) =>
        left.Identity.NumberIn(this).CompareTo(right.Identity.NumberIn(this));
}
