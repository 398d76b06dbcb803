using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private enum SignalStep
    {
        /// <summary>Nothing is left to deliver.</summary>
        Done,

        /// <summary>Look again.</summary>
        Again,

        /// <summary>A handler must run.</summary>
        Handle,

        /// <summary>The task must end.</summary>
        Exit,
    }

    /// <summary>
    /// Delivers pending signals: stops, default actions, and one handler frame (signal(7)). False when the task must
    /// end.
    /// Afterwards an interrupted system call is set up to restart or to fail, and a temporary mask is undone.
    /// </summary>
    private bool DeliverSignals()
    {
        while (true)
        {
            if (StopAtTrap())
            {
                continue;
            }

            SignalStep step = NextSignal(out SigInfo info, out KernelSigaction action);
            switch (step)
            {
                case SignalStep.Exit:
                    return false;
                case SignalStep.Handle:
                    ResolveRestart(RestartContext.HandlerRuns, action.sa_flags);
                    PushHandler(info, action);
                    StopAtHandler();
                    return true;
                case SignalStep.Done:
                    ResolveRestart(RestartContext.NoHandler, 0);
                    RestoreMask();
                    return true;
                default:
                    continue;
            }
        }
    }

    private SignalStep NextSignal(out SigInfo info, out KernelSigaction action)
    {
        int news;
        int signal = 0;
        bool isTraced = false;
        info = default;
        action = default;
        using (ThreadGroup.SignalLock.Enter())
        {
            news = ThreadGroup.TakeNewsLocked();
            if (news == 0)
            {
                if (IsKilled || ThreadGroup.IsGroupExiting)
                {
                    return SignalStep.Exit;
                }

                if (!_stopPending)
                {
                    signal = ThreadGroup.DequeueLocked(this, ~_signalMask, out info);
                    isTraced = _trace is not null && signal != Signals.SIGKILL;
                    if (signal != 0 && !isTraced)
                    {
                        action = TakeActionLocked(signal);
                    }
                }
            }

            RecalculateLocked();
        }

        if (news != 0)
        {
            ThreadGroup.NotifyParentOfStop(news);
            return SignalStep.Again;
        }

        if (_stopPending)
        {
            StopWithGroup(0);
            return SignalStep.Again;
        }

        if (signal == 0)
        {
            return SignalStep.Done;
        }

        return isTraced ? ActTraced(signal, ref info, out action) : Act(signal, action);
    }

    /// <summary>The tracer looks at the signal first; what it lets through is acted upon.</summary>
    private SignalStep ActTraced(int signal, ref SigInfo info, out KernelSigaction action)
    {
        action = default;
        signal = StopAtSignal(signal, ref info);
        if (signal == 0)
        {
            return SignalStep.Again;
        }

        using (ThreadGroup.SignalLock.Enter())
        {
            if (SignalSets.Contains(_signalMask, signal))
            {
                ThreadGroup.SendLocked(info, SignalForce.Kernel, this);
                return SignalStep.Again;
            }

            action = TakeActionLocked(signal);
        }

        return Act(signal, action);
    }

    private KernelSigaction TakeActionLocked(int signal)
    {
        KernelSigaction action = ThreadGroup.Handlers.Get(signal);
        if (action.sa_handler > Signals.SIG_IGN && (action.sa_flags & Signals.SA_RESETHAND) != 0)
        {
            ThreadGroup.Handlers.Exchange(signal, action with { sa_handler = Signals.SIG_DFL });
        }

        if (action.sa_handler == Signals.SIG_DFL && SignalSets.Contains(SignalSets.Stop, signal))
        {
            _stopDequeued = true;
        }

        return action;
    }

    /// <summary>Does what a taken signal asks for: handler, nothing, stop, or the end of the process.</summary>
    private SignalStep Act(int signal, in KernelSigaction action)
    {
        if (action.sa_handler == Signals.SIG_IGN)
        {
            return SignalStep.Again;
        }

        if (action.sa_handler != Signals.SIG_DFL)
        {
            return SignalStep.Handle;
        }

        if (SignalSets.Contains(SignalSets.DefaultIgnore, signal))
        {
            return SignalStep.Again;
        }

        if (ThreadGroup.IsProtected && !SignalSets.Contains(SignalSets.Unblockable, signal))
        {
            return SignalStep.Again;
        }

        if (SignalSets.Contains(SignalSets.Stop, signal))
        {
            if (signal == Signals.SIGSTOP || !ThreadGroup.ProcessGroup.IsOrphaned(Kernel))
            {
                StopWithGroup(signal);
            }

            return SignalStep.Again;
        }

        bool dumps = SignalSets.Contains(SignalSets.Core, signal) && ThreadGroup.WouldDumpCore;
        ThreadGroup.BeginGroupExit(dumps ? WaitStatus.CoreDumped(signal) : WaitStatus.Signaled(signal));
        return SignalStep.Exit;
    }
}
