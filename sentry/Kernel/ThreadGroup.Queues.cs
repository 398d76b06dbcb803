using System.Threading;
using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class ThreadGroup
{
    internal ulong SharedSetLocked => _shared.Set;

    /// <summary>True when the parent has not yet been told of a stop that was called off or of a continue.</summary>
    internal bool HasNews => Volatile.Read(ref _notifyParentCode) != 0;

    /// <summary>Wait status the process ends with, once <see cref="IsGroupExiting"/>.</summary>
    internal int ExitCodeLocked => _exitCode;

    /// <summary>See <see cref="Task.ForceSignal"/>.</summary>
    internal void Force(in SigInfo info, Task task)
    {
        int signal = info.si_signo;
        using (SignalLock.Enter())
        {
            KernelSigaction action = Handlers.Get(signal);
            bool blocked = SignalSets.Contains(task.SignalMask, signal);
            if (blocked || action.sa_handler == Signals.SIG_IGN)
            {
                action.sa_handler = Signals.SIG_DFL;
                Handlers.Exchange(signal, action);
                task.ClearMaskBitLocked(signal);
            }

            _initProtectionLost |= action.sa_handler == Signals.SIG_DFL;
            SendLocked(info, SignalForce.Kernel, task);
            task.RecalculateLocked();
        }
    }

    /// <summary>Takes the first pending signal of the set, private before shared; 0 when there is none.</summary>
    internal int DequeueLocked(Task task, ulong set, out SigInfo info)
    {
        int signal = DequeueFirstLocked(task, set, out info);
        Timers?.OnSignalTakenLocked(signal);
        return signal;
    }

    private int DequeueFirstLocked(Task task, ulong set, out SigInfo info)
    {
        int signal = SignalSets.First(task.Pending.Set & set);
        if (signal != 0)
        {
            task.Pending.Take(signal, out info);
            return signal;
        }

        signal = SignalSets.First(_shared.Set & set);
        if (signal == 0)
        {
            info = default;
            return 0;
        }

        _shared.Take(signal, out info);
        return signal;
    }

    /// <summary>Shared signals that <paramref name="task"/> can no longer take go to another task (kernel/signal.c,
    /// retarget_shared_pending).</summary>
    internal void RetargetLocked(Task task, ulong lost)
    {
        ulong open = _shared.Set & lost;
        if (open == 0)
        {
            return;
        }

        foreach (Task other in _tasks)
        {
            if (other != task && !other.IsExiting && (open & ~other.SignalMask) != 0)
            {
                open &= other.SignalMask;
                other.Interrupt(TaskWork.Signal);
            }
        }
    }

    /// <summary>Replaces an action, rt_sigaction(2): pending instances of a signal that is now ignored are dropped
    /// (POSIX).</summary>
    internal KernelSigaction SetAction(int signal, in KernelSigaction action)
    {
        using (SignalLock.Enter())
        {
            KernelSigaction old = Handlers.Exchange(signal, action);
            if (Handlers.IsIgnored(signal))
            {
                DiscardLocked(SignalSets.Of(signal));
            }
            else
            {
                Timers?.OnUnignoredLocked(signal);
            }

            return old;
        }
    }

    /// <summary>Gives the process actions of its own with all handlers reset, for execve(2).</summary>
    internal void ResetHandlers() => Volatile.Write(ref _handlers, Handlers.CopyIgnored());

    /// <summary>
    /// The task takes part in a stop for <paramref name="signal"/>, starting it when none is on (kernel/signal.c,
    /// do_signal_stop).
    /// False when a SIGCONT or a kill overtook it; <paramref name="completed"/> when it was the last task to stop.
    /// </summary>
    internal bool JoinStop(Task task, int signal, out bool completed)
    {
        completed = false;
        using (SignalLock.Enter())
        {
            if (!task.IsStopPendingLocked && !StartStopLocked(task, signal))
            {
                return false;
            }

            completed = task.ParkLocked() && FinishOneStopLocked();
            return true;
        }
    }

    /// <summary>A task that was to stop ends instead, or stopped: counts it. True when the stop is now
    /// complete.</summary>
    internal bool FinishOneStopLocked()
    {
        if (--_stopsAwaited != 0 || _isStopped)
        {
            return false;
        }

        Volatile.Write(ref _isStopped, true);
        _continuedUnreported = false;
        return true;
    }

    /// <summary>The code (CLD_CONTINUED, CLD_STOPPED) the parent must still hear; 0 for none. Taking it ends the
    /// obligation.</summary>
    internal int TakeNewsLocked()
    {
        int code = _notifyParentCode;
        _notifyParentCode = 0;
        return code;
    }

    private bool StartStopLocked(Task starter, int signal)
    {
        if (!starter.TakeStopDequeuedLocked() || _isExiting)
        {
            return false;
        }

        if (!_isStopped)
        {
            _stopSignal = signal;
        }

        _stopsAwaited = 0;
        foreach (Task task in _tasks)
        {
            if (!task.AskToStopLocked())
            {
                continue;
            }

            _stopsAwaited++;
            if (task != starter)
            {
                task.Interrupt(TaskWork.Signal);
            }
        }

        return true;
    }
}
