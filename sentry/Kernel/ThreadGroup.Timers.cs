using System.Collections.Generic;
using System.Threading;
using Sentry.Time;

namespace Sentry.Kernel;

public sealed partial class ThreadGroup
{
    private ProcessTimers? _timers;

    /// <summary>Interval timers, POSIX timers and CPU-time limit of the process; null while it has never had one. Any
    /// thread.</summary>
    internal ProcessTimers? Timers => Volatile.Read(ref _timers);

    /// <summary>A hint, without the lock: tasks that have not ended.</summary>
    internal int TaskCountHint => Volatile.Read(ref _liveTasks);

    /// <summary>As <see cref="Timers"/>, made at the first use.</summary>
    internal ProcessTimers EnsureTimers()
    {
        if (Timers is { } present)
        {
            return present;
        }

        Interlocked.CompareExchange(ref _timers, new ProcessTimers(this), null);
        return _timers;
    }

    /// <summary>
    /// Queues the signal of a POSIX timer unless it is ignored or queued already (kernel/signal.c,
    /// posixtimer_send_sigqueue). A standard signal that is
    /// pending for another reason does not keep it out.
    /// </summary>
    internal void QueueTimerLocked(PosixTimer timer)
    {
        SignalLock.AssertHeld();
        Task? target = timer.Target;
        int signal = timer.Entry.Info.si_signo;
        if (timer.Entry.IsQueued || target is { IsExiting: true }
            || !PrepareLocked(signal, target ?? Leader, SignalForce.Kernel))
        {
            return;
        }

        PendingSignals queue = target is null ? _shared : target.Pending;
        queue.Add(timer.Entry);
        SignalArrival.Notify(1);
        CompleteLocked(signal, target ?? Leader, target);
    }

    /// <summary>The timer was set again or deleted: a signal of its old expiry is not delivered.</summary>
    internal void UnqueueTimerLocked(PosixTimer timer)
    {
        SignalLock.AssertHeld();
        if (timer.Entry.IsQueued)
        {
            (timer.Target is null ? _shared : timer.Target.Pending).Remove(timer.Entry);
        }
    }

    /// <summary>A new process has a limit from its parent.</summary>
    internal void InheritCpuLimit()
    {
        if (Limits.Soft(Abi.Linux.Resource.RLIMIT_CPU) != Abi.Linux.Resource.RLIM_INFINITY)
        {
            EnsureTimers().UpdateCpuLimit();
        }
    }

    partial void OnCpuLimitChanged() => EnsureTimers().UpdateCpuLimit();

    partial void OnRealTimeLimitChanged()
    {
        List<Task> tasks = new();
        CollectTasks(tasks);
        foreach (Task task in tasks)
        {
            task.UpdateRealTimeLimit();
        }
    }

    /// <summary>CPU time of all its tasks; the caller holds the signal lock.</summary>
    internal CpuTimes CpuTimesUnderSignalLock()
    {
        SignalLock.AssertHeld();
        return CpuTimesLocked();
    }

    /// <summary>True when a task is neither asleep nor stopped.</summary>
    internal bool HasRunningTask()
    {
        using (SignalLock.Enter())
        {
            foreach (Task task in _tasks)
            {
                if (task.State == TaskState.Running)
                {
                    return true;
                }
            }
        }

        return false;
    }
}
