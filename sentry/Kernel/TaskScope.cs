using System;
using System.Threading;
using Sentry.Mm;

namespace Sentry.Kernel;

/// <summary>The tasks of one container of the sandbox, as a control group with the controllers freezer, memory and
/// pids has them (cgroups(7)). Whom one of them makes belongs to it.</summary>
public sealed class TaskScope
{
    private int _tasks;
    private int _maxTasks = int.MaxValue;
    private long _oomKills;

    /// <summary>What its processes and the files they make take memory of: the sandbox's, or a part of it.</summary>
    public MemoryFile Memory { get; internal set; } = null!;

    /// <summary>Called before a process of it is ended because memory is short, of the container or of the sandbox:
    /// as <see cref="GuestKernel.OomKilled"/>.</summary>
    public Action? OomKilled { get; set; }

    /// <summary>Its processes that were ended because memory was short.</summary>
    public long OomKills => Volatile.Read(ref _oomKills);

    /// <summary>Tasks that exist.</summary>
    public int Tasks => Volatile.Read(ref _tasks);

    /// <summary>Most tasks there may be; a limit below those there are makes no more.</summary>
    public int MaxTasks
    {
        get => Volatile.Read(ref _maxTasks);
        set => Volatile.Write(ref _maxTasks, value);
    }

    /// <summary>Guarded by the kernel's freeze lock.</summary>
    internal bool IsFrozen { get; set; }

    /// <summary>One more; false when there are as many as there may be.</summary>
    internal bool TryAdd()
    {
        if (Interlocked.Increment(ref _tasks) <= MaxTasks)
        {
            return true;
        }

        Interlocked.Decrement(ref _tasks);
        return false;
    }

    /// <summary>One of its processes is about to be ended.</summary>
    internal void NoteOomKill()
    {
        Interlocked.Increment(ref _oomKills);
        OomKilled?.Invoke();
    }

    internal void Drop() => Interlocked.Decrement(ref _tasks);
}
