using System.Threading;
using Abi.Linux;

namespace Sentry.Kernel;

/// <content>The traced side of ptrace(2).</content>
public sealed partial class Task
{
    private const ulong TrapFlag = 1UL << 8;
    private const int EventShift = 8;

    // Written under TasksLock and the signal lock; any thread reads it.
    private TraceState? _trace;

    // Own thread only.
    private TraceResume _traceResume;
    private bool _isStepFlagOurs;

    /// <summary>Who traces this task, and how; null when nobody does.</summary>
    public TraceState? Trace => Volatile.Read(ref _trace);

    /// <summary>True while a thread of <paramref name="group"/> traces this task.</summary>
    internal bool IsTracedBy(ThreadGroup? group) => Trace?.Tracer.ThreadGroup == group && group is not null;

    /// <summary>
    /// Stops for the tracer until it lets this task go on; the signal it goes on with, 0 for none. Without a tracer it
    /// goes on at once with <paramref name="untraced"/>.
    /// </summary>
    private int StopForTracer(int code, TraceStopKind kind, ulong message, in SigInfo info, int untraced)
    {
        TraceState? trace = Trace;
        if (trace is null)
        {
            return untraced;
        }

        ShowState(trace);
        trace.Kind = kind;
        trace.Message = message;
        trace.Info = info;
        bool lasts = code == (Signals.SIGTRAP | (Ptrace.PTRACE_EVENT_EXIT << EventShift));
        if (!EnterTraceStop(trace, code, lasts))
        {
            return untraced;
        }

        while (trace.StopCode != 0 && (lasts || !IsKilled))
        {
            Sleep(long.MaxValue, lasts ? TaskWork.None : TaskWork.Kill, TaskState.Traced);
        }

        return LeaveTraceStop(trace);
    }

    /// <summary>Reports one of the PTRACE_EVENT_* if the tracer asked for it.</summary>
    private void StopAtEvent(int option, int number, ulong message)
    {
        if (Trace is { } trace && trace.Has(option))
        {
            int code = Signals.SIGTRAP | (number << EventShift);
            StopForTracer(code, TraceStopKind.Event, message, TrapInfo(code), 0);
        }
    }

    private SigInfo TrapInfo(int code) => new()
    {
        si_signo = Signals.SIGTRAP,
        si_code = code,
        si_pid = Tid,
        si_uid = Credentials.UserNamespace.FromKernelUidOrOverflow(Credentials.RealUid),
    };

    /// <summary>A step that nobody waits for any more: the tracer is gone.</summary>
    private bool IsStrayStep(in Platform.FaultInfo fault)
    {
        bool isStray = _isStepFlagOurs && Trace is null && fault is { Signal: Signals.SIGTRAP,
            Code: SigCode.TRAP_TRACE };
        if (isStray)
        {
            Context.Registers.Eflags &= ~TrapFlag;
            _isStepFlagOurs = false;
        }

        return isStray;
    }

    /// <summary>What the tracer may look at that lives in the context: only this thread can reach it.</summary>
    private void ShowState(TraceState trace)
    {
        trace.FpImage ??= new byte[Kernel.Platform.FpStateBytes];
        Context.ReadFpState(trace.FpImage);
        trace.HasNewFp = false;
        if (_isStepFlagOurs)
        {
            Context.Registers.Eflags &= ~TrapFlag;
            _isStepFlagOurs = false;
        }
    }

    private bool EnterTraceStop(TraceState trace, int code, bool lasts)
    {
        using (Kernel.TasksLock.Enter())
        {
            using (ThreadGroup.SignalLock.Enter())
            {
                bool isStopEvent = code >> EventShift == Ptrace.PTRACE_EVENT_STOP;
                bool isGroupStop = trace.Kind == TraceStopKind.Group
                    || (isStopEvent && (code & 0xff) != Signals.SIGTRAP);
                if (_trace != trace || (IsKilled && !lasts) || (isGroupStop && !_isParked))
                {
                    return false;
                }

                trace.IsTrapPending &= !isStopEvent;
                trace.ResumeSignal = 0;
                trace.Resume = TraceResume.Continue;
                trace.IsReported = false;
                trace.IsListening = false;
                trace.StopCode = code;
            }

            NotifyTracerLocked(trace, SigCode.CLD_TRAPPED, code & 0x7f);
        }

        return true;
    }

    internal void NotifyTracerLocked(TraceState trace, int code, int status)
    {
        ThreadGroup tracer = trace.Tracer.ThreadGroup;
        KernelSigaction action = tracer.Handlers.Get(Signals.SIGCHLD);
        bool wants = action.sa_handler != Signals.SIG_IGN
            && (code != SigCode.CLD_TRAPPED || (action.sa_flags & Signals.SA_NOCLDSTOP) == 0);
        if (wants)
        {
            SigInfo info = ThreadGroup.ChildInfoLocked(tracer, Signals.SIGCHLD, code, status);
            info.si_pid = Identity.NumberIn(tracer.PidNamespace);
            tracer.SendSignal(info, SignalForce.Normal);
        }

        tracer.ChildWait.Notify(1);
    }

    private int LeaveTraceStop(TraceState trace)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            // A kill ends the stop too.
            trace.StopCode = 0;
            RecalculateLocked();
        }

        if (trace.HasNewFp)
        {
            Context.WriteFpState(trace.FpImage);
        }

        if ((long)Context.Registers.OrigRax < 0)
        {
            _restart = Errno.None;
        }

        _traceResume = Trace == trace ? trace.Resume : TraceResume.Continue;
        if (_traceResume is TraceResume.Step or TraceResume.EmulateStep)
        {
            _isStepFlagOurs = (Context.Registers.Eflags & TrapFlag) == 0;
            Context.Registers.Eflags |= TrapFlag;
        }

        if (_traceResume == TraceResume.Continue)
        {
            RemoveDispatchFlags(DispatchFlags.Ptrace);
        }
        else
        {
            AddDispatchFlags(DispatchFlags.Ptrace);
        }

        return trace.ResumeSignal;
    }

    /// <summary>
    /// The stop before a signal is delivered: the tracer may change it, or take it away (ptrace(2),
    /// "Signal-delivery-stop"). 0 when nothing is left to deliver.
    /// </summary>
    private int StopAtSignal(int signal, ref SigInfo info)
    {
        TraceState? trace = Trace;
        if (trace is null)
        {
            return signal;
        }

        int wanted = StopForTracer(signal, TraceStopKind.Signal, 0, info, signal);
        if (!SignalSets.IsValid(wanted))
        {
            return 0;
        }

        info = trace.Info;
        if (wanted != info.si_signo)
        {
            info = SigInfos.FromSender(wanted, SigCode.SI_USER, trace.Tracer, ThreadGroup);
        }

        return wanted;
    }

    /// <summary>A stop of the whole process as the tracer sees it.</summary>
    private void StopWithGroupTraced(TraceState trace, int signal)
    {
        int code = trace.IsSeized ? signal | (Ptrace.PTRACE_EVENT_STOP << EventShift) : signal;
        StopForTracer(code, trace.IsSeized ? TraceStopKind.Event : TraceStopKind.Group, 0, TrapInfo(code), 0);
    }

    /// <summary>PTRACE_INTERRUPT, the start of a seized child, or the end of PTRACE_LISTEN.</summary>
    private bool StopAtTrap()
    {
        TraceState? trace = Trace;
        if (trace is null)
        {
            return false;
        }

        using (ThreadGroup.SignalLock.Enter())
        {
            if (!trace.IsTrapPending)
            {
                return false;
            }

            trace.IsTrapPending = false;
        }

        int code = Signals.SIGTRAP | (Ptrace.PTRACE_EVENT_STOP << EventShift);
        StopForTracer(code, TraceStopKind.Event, 0, TrapInfo(code), 0);
        return true;
    }

    /// <summary>The stop before a system call. False when the call is to be left out.</summary>
    private bool StopAtSyscallEntry()
    {
        if (_traceResume is TraceResume.Continue or TraceResume.Step)
        {
            return true;
        }

        bool emulates = _traceResume is TraceResume.EmulateSyscall or TraceResume.EmulateStep;
        Context.Registers.Rax = unchecked((ulong)-(long)Errno.ENOSYS);
        StopAtSyscall(TraceStopKind.SyscallEntry, Ptrace.PTRACE_EVENTMSG_SYSCALL_ENTRY);
        return !emulates && (int)Context.Registers.OrigRax != -1 && !IsKilled;
    }

    /// <summary>The stop after a system call.</summary>
    private void StopAtSyscallExit()
    {
        if (_traceResume == TraceResume.Syscall)
        {
            StopAtSyscall(TraceStopKind.SyscallExit, Ptrace.PTRACE_EVENTMSG_SYSCALL_EXIT);
        }
        else if (_traceResume == TraceResume.Step)
        {
            // The instruction stepped over was the system call.
            int code = Signals.SIGTRAP;
            StopForTracer(code, TraceStopKind.Signal, 0, TrapInfo(code), 0);
        }
    }

    /// <summary>A task that is stepped stops at the first instruction of a handler.</summary>
    private void StopAtHandler()
    {
        if (_traceResume is TraceResume.Step or TraceResume.EmulateStep && Trace is not null)
        {
            StopForTracer(Signals.SIGTRAP, TraceStopKind.Signal, 0, TrapInfo(Signals.SIGTRAP), 0);
        }
    }

    private void StopAtSyscall(TraceStopKind kind, int message)
    {
        bool isMarked = Trace?.Has(Ptrace.PTRACE_O_TRACESYSGOOD) == true;
        int code = isMarked ? Signals.SIGTRAP | 0x80 : Signals.SIGTRAP;
        int signal = StopForTracer(code, kind, (ulong)message, TrapInfo(code), 0);
        if (SignalSets.IsValid(signal) && Trace is { } trace)
        {
            SendSignal(SigInfos.FromSender(signal, SigCode.SI_USER, trace.Tracer, ThreadGroup));
        }
    }
}
