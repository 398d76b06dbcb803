using System.Collections.Generic;
using System.Threading;
using Abi.Linux;

namespace Sentry.Kernel;

/// <content>Who traces whom.</content>
public sealed partial class Task
{
    /// <summary>PTRACE_TRACEME: the parent becomes the tracer. EPERM when there is one already.</summary>
    internal Errno TraceByParent()
    {
        using (Kernel.TasksLock.Enter())
        {
            Task? parent = ThreadGroup.ParentTask ?? ThreadGroup.Parent?.Leader;
            if (_trace is not null || parent is null)
            {
                return Errno.EPERM;
            }

            LinkTracerLocked(new TraceState(parent, TraceAttachment.Stop, 0));
            return Errno.None;
        }
    }

    /// <summary>PTRACE_ATTACH, PTRACE_SEIZE: this task becomes the tracer of another. EPERM.</summary>
    internal Errno AttachTo(Task target, TraceAttachment attachment, uint options)
    {
        Errno errno = target.ThreadGroup == ThreadGroup ? Errno.EPERM
            : PtraceAccess.Check(this, target, PtraceCredentials.Real);
        if (errno != Errno.None)
        {
            return errno;
        }

        using (Kernel.TasksLock.Enter())
        {
            if (target._trace is not null || target.IsExiting)
            {
                return Errno.EPERM;
            }

            target.LinkTracerLocked(new TraceState(this, attachment, options));
        }

        if (attachment == TraceAttachment.Stop)
        {
            target.SendSignal(SigInfos.FromKernel(Signals.SIGSTOP));
        }

        target.WakeIfParked();
        return Errno.None;
    }

    /// <summary>A task that is stopped already finds its tracer.</summary>
    private void WakeIfParked()
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            if (_isParked)
            {
                Wake();
            }
        }
    }

    /// <summary>A child of a traced task is traced by the same tracer from its first instruction.</summary>
    private void TraceChild(Task child, TraceState trace)
    {
        TraceAttachment attachment = trace.IsSeized ? TraceAttachment.Seize : TraceAttachment.Stop;
        using (Kernel.TasksLock.Enter())
        {
            child.LinkTracerLocked(new TraceState(trace.Tracer, attachment, trace.Options));
        }

        if (trace.IsSeized)
        {
            child.TrapForTracer();
        }
        else
        {
            child.SendSignal(SigInfos.FromKernel(Signals.SIGSTOP));
        }
    }

    /// <summary>PTRACE_INTERRUPT: the task shall stop at the next opportunity.</summary>
    internal void TrapForTracer()
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            if (_trace is { } trace)
            {
                trace.IsTrapPending = true;
                EndListeningLocked();
                RecalculateLocked();
            }
        }
    }

    /// <summary>PTRACE_LISTEN: the task stays stopped, but SIGCONT and interrupts are reported. EIO when it is not in a
    /// group stop of a seized task.</summary>
    internal Errno ListenForTracer()
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            bool isGroupStop = _trace is { IsSeized: true, StopCode: not 0 } trace
                && trace.StopCode >> EventShift == Ptrace.PTRACE_EVENT_STOP;
            if (!isGroupStop)
            {
                return Errno.EIO;
            }

            _trace!.IsListening = true;
            if (_trace.IsTrapPending)
            {
                EndListeningLocked();
            }

            return Errno.None;
        }
    }

    /// <summary>Lets the stopped task go on. ESRCH when it is not stopped.</summary>
    internal Errno ResumeTraced(TraceResume mode, int signal)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            if (_trace is not { StopCode: not 0, IsListening: false } trace)
            {
                return Errno.ESRCH;
            }

            trace.Resume = mode;
            trace.ResumeSignal = signal;
            trace.StopCode = 0;
        }

        Wake();
        return Errno.None;
    }

    /// <summary>PTRACE_DETACH, and the end of the tracer: the task runs on alone.</summary>
    internal void DetachTracer(int signal)
    {
        using (Kernel.TasksLock.Enter())
        {
            UnlinkTracerLocked(signal);
        }
    }

    /// <summary>True when the stop has not been collected: fills what wait(2) says of it.</summary>
    internal bool TryCollectTraceStopLocked(Task waiter, int options, ref WaitResult result)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            if (_trace is not { StopCode: not 0, IsReported: false } trace)
            {
                return false;
            }

            result.ProcessId = Identity.NumberIn(waiter.PidNamespace);
            result.KernelUid = Credentials.RealUid;
            result.Code = SigCode.CLD_TRAPPED;
            result.CodeStatus = trace.StopCode;
            result.Status = (trace.StopCode << EventShift) | 0x7f;
            trace.IsReported = (options & Abi.Linux.Wait.WNOWAIT) == 0;
            return true;
        }
    }

    /// <summary>A seized task hears of SIGCONT through a stop of its own (kernel/signal.c,
    /// ptrace_trap_notify).</summary>
    internal void TrapAtContinueLocked()
    {
        if (_trace is { IsSeized: true } trace)
        {
            trace.IsTrapPending = true;
            EndListeningLocked();
            RecalculateLocked();
        }
    }

    private void EndListeningLocked()
    {
        if (_trace is { IsListening: true } trace)
        {
            trace.IsListening = false;
            trace.IsTrapPending = true;
            trace.StopCode = 0;
            Wake();
        }
    }

    /// <summary>
    /// Ends the hold of a tracer; the tracee's stop ends with it, but a stop of its whole process comes into its own
    /// again (kernel/ptrace.c, __ptrace_unlink).
    /// </summary>
    internal void UnlinkTracerLocked(int signal = 0)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            if (_trace is not { } trace)
            {
                return;
            }

            trace.Tracer.ThreadGroup.Tracees.Remove(this);
            trace.ResumeSignal = signal;
            trace.Resume = TraceResume.Continue;
            bool isStopped = trace.StopCode != 0;
            trace.StopCode = 0;
            Volatile.Write(ref _trace, null);
            if (ThreadGroup.IsStopOnLocked && !_isExiting && !IsKilled)
            {
                _stopPending = true;
                Interrupt(TaskWork.Signal);
            }

            if (isStopped)
            {
                Wake();
            }
        }
    }

    /// <summary>The end of a tracer: its tracees run on, or die with PTRACE_O_EXITKILL.</summary>
    private void ReleaseTracees()
    {
        List<Task> released = new();
        using (Kernel.TasksLock.Enter())
        {
            foreach (Task tracee in ThreadGroup.Tracees)
            {
                if (tracee._trace?.Tracer == this)
                {
                    released.Add(tracee);
                }
            }

            foreach (Task tracee in released)
            {
                bool dies = tracee._trace!.Has(Ptrace.PTRACE_O_EXITKILL);
                tracee.UnlinkTracerLocked();
                if (dies)
                {
                    tracee.SendSignal(SigInfos.FromKernel(Signals.SIGKILL));
                }
            }
        }
    }

    private void LinkTracerLocked(TraceState trace)
    {
        trace.Tracer.ThreadGroup.Tracees.Add(this);
        using (ThreadGroup.SignalLock.Enter())
        {
            Volatile.Write(ref _trace, trace);
        }
    }
}
