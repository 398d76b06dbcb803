using System.Collections.Generic;
using Abi.Linux;

namespace Sentry.Kernel;

/// <content>The tracing side of ptrace(2): what wait(2) of this process may report of tasks that are no
/// children.</content>
public sealed partial class ThreadGroup
{
    // Guarded by TasksLock.
    private readonly List<TraceExit> _traceExits = new();
    private bool _isHeld;

    /// <summary>Tasks that threads of this process trace. Guarded by TasksLock.</summary>
    internal List<Task> Tracees { get; } = new();

    /// <summary>Ends of traced tasks that nobody waited for yet. Guarded by TasksLock.</summary>
    internal List<TraceExit> TraceExits => _traceExits;

    /// <summary>Signal that stopped the process, for the stop of one of its traced tasks.</summary>
    internal int StopSignalOrDefault
    {
        get
        {
            using (SignalLock.Enter())
            {
                return _stopSignal != 0 ? _stopSignal : Signals.SIGSTOP;
            }
        }
    }

    /// <summary>Takes a recorded end for wait(2).</summary>
    internal void CollectTraceExitLocked(TraceExit exit, Task waiter, int options, ref WaitResult result)
    {
        result.ProcessId = exit.Identity.NumberIn(waiter.PidNamespace);
        result.KernelUid = exit.KernelUid;
        result.Status = exit.Status;
        result.Code = WaitStatus.IsExited(exit.Status) ? SigCode.CLD_EXITED : SigCode.CLD_KILLED;
        result.CodeStatus = WaitStatus.IsExited(exit.Status)
            ? WaitStatus.ExitStatus(exit.Status) : WaitStatus.TermSignal(exit.Status);
        if ((options & Wait.WNOWAIT) == 0)
        {
            _traceExits.Remove(exit);
            EndTraceExitLocked(exit);
        }
    }

    /// <summary>The tracer of an ended task hears of it, unless it is the parent, which does anyway. True when the
    /// parent must wait for the tracer.</summary>
    private bool TellTracerOfExitLocked(Task task, ThreadGroup? held)
    {
        TraceState? trace = task.Trace;
        task.UnlinkTracerLocked();
        if (trace is null || (held is not null && trace.Tracer.ThreadGroup == Parent))
        {
            return false;
        }

        int status = held is null ? ExitStatusOf(task) : WaitStatusValue;
        trace.Tracer.ThreadGroup._traceExits.Add(new TraceExit
        {
            Identity = task.Identity,
            Tracer = trace.Tracer,
            ProcessGroup = ProcessGroup.Identity,
            KernelUid = task.Credentials.RealUid,
            Status = status,
            Held = held,
        });
        task.Identity.TraceExits++;
        bool exited = WaitStatus.IsExited(status);
        task.NotifyTracerLocked(trace, exited ? SigCode.CLD_EXITED : SigCode.CLD_KILLED,
            exited ? WaitStatus.ExitStatus(status) : WaitStatus.TermSignal(status));
        return held is not null;
    }

    private int ExitStatusOf(Task task)
    {
        using (SignalLock.Enter())
        {
            return _isExiting ? _exitCode : task.ExitStatus;
        }
    }

    /// <summary>The process ends as a tracer: parents of what it held hear of those ends now.</summary>
    private void DropTraceExitsLocked()
    {
        foreach (TraceExit exit in _traceExits.ToArray())
        {
            EndTraceExitLocked(exit);
        }

        _traceExits.Clear();
    }

    private static void EndTraceExitLocked(TraceExit exit)
    {
        exit.Identity.TraceExits--;
        PidNamespace.ReleaseIfUnusedLocked(exit.Identity);
        exit.Held?.EndHoldLocked();
    }

    private void EndHoldLocked()
    {
        if (!_isHeld || _isReaped)
        {
            return;
        }

        _isHeld = false;
        if (NotifyParentOfExitLocked())
        {
            ReapLocked();
            return;
        }

        Identity.WaitQueue.Notify(PollIn);
    }
}
