using System;

namespace Sentry.Kernel;

/// <summary>
/// Identity of a task, process, process group or session over its life (Linux's struct pid): its numbers in its PID
/// namespace and
/// every ancestor. It outlives the task, so that a pidfd can never mean another process. Links are guarded by the
/// tasks lock.
/// </summary>
public sealed partial class Pid
{
    private readonly int[] _numbers;

    /// <summary>An identity with one number per level, outermost first.</summary>
    internal Pid(PidNamespace owner, int[] numbers)
    {
        Namespace = owner;
        _numbers = numbers;
    }

    /// <summary>Deepest namespace that sees it.</summary>
    public PidNamespace Namespace { get; }

    /// <summary>Number in <see cref="Namespace"/>.</summary>
    public int Number => _numbers[^1];

    /// <summary>Task with this thread id; null once it is reaped.</summary>
    public Task? Task { get; internal set; }

    /// <summary>Thread group whose leader has this id; null for other threads and once it is reaped.</summary>
    public ThreadGroup? ThreadGroup { get; internal set; }

    /// <summary>Process group with this id.</summary>
    public ProcessGroup? ProcessGroup { get; internal set; }

    /// <summary>Session with this id.</summary>
    public Session? Session { get; internal set; }

    /// <summary>Ends of the task that a tracer has not waited for: the number must still find them.</summary>
    internal int TraceExits { get; set; }

    /// <summary>Notified with EPOLLIN when the process ends, and with EPOLLHUP when it is reaped
    /// (pidfd_open(2)).</summary>
    public WaitQueue WaitQueue { get; } = new();

    /// <summary>Number as seen from <paramref name="viewer"/>; 0 when it is not visible there.</summary>
    public int NumberIn(PidNamespace viewer) =>
        viewer.Level < _numbers.Length && IsVisibleIn(viewer) ? _numbers[viewer.Level] : 0;

    /// <summary>Numbers from <paramref name="viewer"/>'s level inwards, for NSpid in /proc/pid/status.</summary>
    public ReadOnlySpan<int> NumbersFrom(PidNamespace viewer) =>
        NumberIn(viewer) == 0 ? [] : _numbers.AsSpan(viewer.Level);

    /// <summary>True when nothing refers to the number any more, so that it may be used again.</summary>
    internal bool IsUnused => Task is null && ThreadGroup is null && ProcessGroup is null && Session is null
        && TraceExits == 0;

    internal int NumberAtLevel(int level) => _numbers[level];

    private bool IsVisibleIn(PidNamespace viewer)
    {
        PidNamespace? current = Namespace;
        while (current is not null && current.Level > viewer.Level)
        {
            current = current.Parent;
        }

        return current == viewer;
    }
}
