using System.Threading;

namespace Sentry.Kernel;

/// <summary>The tasks of one container of the sandbox, as a control group with the controllers freezer and pids has
/// them (cgroups(7)). Whom one of them makes belongs to it.</summary>
public sealed class TaskScope
{
    private int _tasks;
    private int _maxTasks = int.MaxValue;

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

    internal void Drop() => Interlocked.Decrement(ref _tasks);
}
