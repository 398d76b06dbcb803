using Abi.Linux;
using Platform;

namespace Sentry.Kernel;

public sealed partial class Task
{
    // Guarded by ThreadGroup.SignalLock; the own thread reads its mask without it.
    private ulong _signalMask;
    private ulong _waitedSignals;
    private bool _isExiting;
    private bool _stopPending;
    private bool _stopCounts;
    private bool _stopDequeued;
    private bool _isParked;

    // Own thread only.
    private ulong _savedMask;
    private bool _hasSavedMask;
    private SigAltStack _altStack = new() { ss_flags = (int)SigStack.SS_DISABLE };

    /// <summary>Signals pending for this task alone.</summary>
    internal PendingSignals Pending { get; } = new();

    /// <summary>Blocked signals, sigprocmask(2).</summary>
    public ulong SignalMask => _signalMask;

    /// <summary>Signals that sigtimedwait(2) waits for: neither ignored nor fatal while it does.</summary>
    internal ulong WaitedSignals => _waitedSignals;

    /// <summary>True once the task is ending.</summary>
    public bool IsExiting => _isExiting;

    /// <summary>sigaltstack(2).</summary>
    internal ref SigAltStack AltStack => ref _altStack;

    /// <summary>Signals pending for this task alone, for /proc/pid/status.</summary>
    public ulong PendingSet
    {
        get
        {
            using (ThreadGroup.SignalLock.Enter())
            {
                return Pending.Set;
            }
        }
    }

    /// <summary>
    /// Sends a signal to this task alone (tgkill(2), timers with SIGEV_THREAD_ID). EAGAIN when a real-time queue is
    /// full. Any thread.
    /// </summary>
    public Errno SendSignal(in SigInfo info, SignalForce force = SignalForce.Kernel) =>
        ThreadGroup.SendToTask(info, force, this);

    /// <summary>
    /// Raises a signal the task caused itself (a fault): it cannot be blocked or ignored, and it kills even a
    /// namespace's init (kernel/signal.c, force_sig_info).
    /// </summary>
    public void ForceSignal(in SigInfo info) => ThreadGroup.Force(info, this);

    /// <summary>SIGPIPE, SIGXFSZ: raised by the system call in progress, blocked and ignored as usual.</summary>
    public void RaiseSignal(int signal) =>
        SendSignal(SigInfos.FromSender(signal, SigCode.SI_USER, this, ThreadGroup), SignalForce.Normal);

    /// <summary>Replaces the mask and looks for signals that are pending now (kernel/signal.c, set_current_blocked).
    /// SIGKILL and SIGSTOP stay out.</summary>
    public void SetSignalMask(ulong mask)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            ulong newlyBlocked = mask & ~_signalMask;
            _signalMask = mask & ~SignalSets.Unblockable;
            ThreadGroup.RetargetLocked(this, newlyBlocked);
            RecalculateLocked();
        }
    }

    /// <summary>
    /// A mask for the duration of one call (sigsuspend(2), ppoll(2)): the old one comes back after the signal
    /// handler, or when the call ends without one.
    /// </summary>
    public void SetTemporaryMask(ulong mask)
    {
        _savedMask = _signalMask;
        _hasSavedMask = true;
        SetSignalMask(mask);
    }

    /// <summary>Ends a temporary mask when the call ended without being interrupted.</summary>
    public void RestoreMask()
    {
        if (_hasSavedMask)
        {
            _hasSavedMask = false;
            SetSignalMask(_savedMask);
        }
    }

    /// <summary>
    /// Takes a pending signal of the set (sigtimedwait(2), signalfd(2) reads); 0 when there is none. Private signals
    /// come first.
    /// </summary>
    public int TakeSignal(ulong set, out SigInfo info)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            int signal = ThreadGroup.DequeueLocked(this, set, out info);
            RecalculateLocked();
            return signal;
        }
    }

    /// <summary>Private and shared pending signals of this task.</summary>
    public ulong AllPending
    {
        get
        {
            using (ThreadGroup.SignalLock.Enter())
            {
                return Pending.Set | ThreadGroup.SharedSetLocked;
            }
        }
    }

    /// <summary>Marks signals as waited for while sigtimedwait(2) sleeps: they are unblocked, and neither ignored nor
    /// fatal.</summary>
    internal void BeginWaitForSignals(ulong set)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            _waitedSignals = _signalMask;
            _signalMask &= ~set;
            RecalculateLocked();
        }
    }

    internal void EndWaitForSignals()
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            _signalMask = _waitedSignals;
            _waitedSignals = 0;
            RecalculateLocked();
        }
    }

    internal void InheritSignals(Task parent)
    {
        _signalMask = parent._signalMask;
        _altStack = parent._altStack;
    }

    internal void ResetAltStack() => _altStack = new SigAltStack { ss_flags = (int)SigStack.SS_DISABLE };

    internal void ClearMaskBitLocked(int signal) => _signalMask &= ~SignalSets.Of(signal);

    /// <summary>True when the task may take this signal now (kernel/signal.c, wants_signal).</summary>
    internal bool WantsSignalLocked(int signal)
    {
        if (SignalSets.Contains(_signalMask, signal) || _isExiting)
        {
            return false;
        }

        return signal == Signals.SIGKILL || !_isParked;
    }

    internal void KillLocked()
    {
        _stopPending = false;
        _stopDequeued = false;
        if (!_isExiting)
        {
            Pending.AddBare(Signals.SIGKILL);
            Interrupt(TaskWork.Signal | TaskWork.Kill);
        }
    }

    /// <summary>A pending or taken stop is called off: SIGCONT came.</summary>
    internal void ClearStopLocked()
    {
        _stopPending = false;
        _stopCounts = false;
        _stopDequeued = false;
        if (_isParked)
        {
            _isParked = false;
            Wake();
        }

        TrapAtContinueLocked();

        if (ThreadGroup.HasNews)
        {
            Interrupt(TaskWork.Signal);
        }
    }

    /// <summary>Sets or clears the work bit from what is pending and not blocked.</summary>
    internal void RecalculateLocked()
    {
        ulong pending = (Pending.Set | ThreadGroup.SharedSetLocked) & ~_signalMask;
        if (pending != 0 || _stopPending || ThreadGroup.HasNews || _trace is { IsTrapPending: true })
        {
            Interrupt(TaskWork.Signal);
        }
        else
        {
            ClearWork(TaskWork.Signal);
        }
    }
}
