using System.Threading;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>How hard a signal pushes against the protection of a namespace's init (kernel/signal.c,
/// sig_task_ignored).</summary>
public enum SignalForce
{
    /// <summary>From a process that the target's namespace sees.</summary>
    Normal,

    /// <summary>From the kernel or an ancestor namespace: SIGKILL and SIGSTOP reach init.</summary>
    Kernel,
}

public sealed partial class ThreadGroup
{
    /// <summary>Signal state of the process: pending queues of it and its tasks, masks as senders see them, stops,
    /// the group's exit.</summary>
    internal readonly OrderedLock<SignalLevel> SignalLock = new();

    // Guarded by SignalLock.
    private readonly PendingSignals _shared = new();
    private SignalHandlers _handlers;
    private int _liveTasks;
    private int _stopsAwaited;
    private int _stopSignal;
    private bool _isStopped;
    private bool _continuedUnreported;
    private int _notifyParentCode;
    private bool _isExiting;
    private int _exitCode;
    private Task? _nextTarget;
    private bool _initProtectionLost;

    // Waits inside the process: execve for the other threads to go.
    private readonly WaitQueue _groupQueue = new();

    /// <summary>Notified when a signal becomes pending for the process or one of its tasks (signalfd(2)).</summary>
    public WaitQueue SignalArrival { get; } = new();

    /// <summary>Actions; CLONE_SIGHAND shares them with other processes.</summary>
    public SignalHandlers Handlers => Volatile.Read(ref _handlers);

    /// <summary>True while every task is stopped.</summary>
    public bool IsStopped => Volatile.Read(ref _isStopped);

    /// <summary>True once the whole process is going down.</summary>
    public bool IsGroupExiting => Volatile.Read(ref _isExiting);

    /// <summary>Shared pending signals, for /proc/pid/status.</summary>
    public ulong SharedPending
    {
        get
        {
            using (SignalLock.Enter())
            {
                return _shared.Set;
            }
        }
    }

    /// <summary>
    /// Sends a signal to the process. None also when it is ignored; EAGAIN when a real-time signal with data finds
    /// the queue full. Any thread.
    /// </summary>
    public Errno SendSignal(in SigInfo info, SignalForce force = SignalForce.Kernel)
    {
        using (SignalLock.Enter())
        {
            return SendLocked(info, force, null);
        }
    }

    /// <summary>As <see cref="SendSignal"/>, to one task.</summary>
    internal Errno SendToTask(in SigInfo info, SignalForce force, Task target)
    {
        using (SignalLock.Enter())
        {
            return SendLocked(info, force, target);
        }
    }

    internal Errno SendLocked(in SigInfo info, SignalForce force, Task? target)
    {
        SignalLock.AssertHeld();
        int signal = info.si_signo;
        Task main = target ?? Leader;
        if (!PrepareLocked(signal, main, force))
        {
            return Errno.None;
        }

        PendingSignals queue = target is null ? _shared : target.Pending;
        if (!SignalSets.IsRealTime(signal) && SignalSets.Contains(queue.Set, signal))
        {
            return Errno.None;
        }

        Errno errno = Enqueue(queue, info, main);
        if (errno == Errno.None)
        {
            SignalArrival.Notify(1);
            CompleteLocked(signal, main, target);
        }

        return errno;
    }

    /// <summary>Ends the whole process with a wait status; only the first call counts.</summary>
    internal void BeginGroupExit(int waitStatus)
    {
        using (SignalLock.Enter())
        {
            if (!_isExiting)
            {
                BeginGroupExitLocked(waitStatus);
            }
        }
    }

    private static Errno Enqueue(PendingSignals queue, in SigInfo info, Task main)
    {
        int signal = info.si_signo;
        if (signal == Signals.SIGKILL)
        {
            queue.AddBare(signal);
            return Errno.None;
        }

        UserAccount account = main.Account;
        bool mustQueue = !SignalSets.IsRealTime(signal) && info.si_code >= 0;
        if (mustQueue)
        {
            account.AddSignal();
        }
        else if (!account.TryAddSignal(main.ThreadGroup.Limits.Soft(Resource.RLIMIT_SIGPENDING)))
        {
            if (SignalSets.IsRealTime(signal) && info.si_code != SigCode.SI_USER)
            {
                return Errno.EAGAIN;
            }

            queue.AddBare(signal);
            return Errno.None;
        }

        queue.Add(info, account);
        return Errno.None;
    }

    /// <summary>Side effects of a signal at sending (kernel/signal.c, prepare_signal). False when it is
    /// dropped.</summary>
    private bool PrepareLocked(int signal, Task main, SignalForce force)
    {
        if (_isExiting)
        {
            return false;
        }

        if (SignalSets.Contains(SignalSets.Stop, signal))
        {
            DiscardLocked(SignalSets.Continue);
        }
        else if (signal == Signals.SIGCONT)
        {
            ContinueLocked();
        }

        return !IsIgnoredLocked(signal, main, force);
    }

    private bool IsIgnoredLocked(int signal, Task main, SignalForce force)
    {
        bool isTraced = main.Trace is not null && signal != Signals.SIGKILL;
        if (isTraced || SignalSets.Contains(main.SignalMask | main.WaitedSignals, signal))
        {
            return false;
        }

        if (IsProtectedLocked && Handlers.Get(signal).sa_handler == Signals.SIG_DFL
            && !(force == SignalForce.Kernel && SignalSets.Contains(SignalSets.Unblockable, signal)))
        {
            return true;
        }

        return Handlers.IsIgnored(signal);
    }

    /// <summary>Init of a namespace dies of no signal it does not handle, unless a fault of its own asked for
    /// it.</summary>
    private bool IsProtectedLocked =>
        IsNamespaceInit && !_initProtectionLost && Protection == InitProtection.Protected;

    /// <summary>What the sandbox's owner decided for its first process.</summary>
    internal InitProtection Protection { get; init; }

    /// <summary>True while the process is stopped or about to be.</summary>
    internal bool IsStopOnLocked => _isStopped || _stopsAwaited != 0;

    private void ContinueLocked()
    {
        DiscardLocked(SignalSets.Stop);
        foreach (Task task in _tasks)
        {
            task.ClearStopLocked();
        }

        if (_isStopped)
        {
            _notifyParentCode = SigCode.CLD_CONTINUED;
        }
        else if (_stopsAwaited != 0)
        {
            _notifyParentCode = SigCode.CLD_STOPPED;
        }
        else
        {
            return;
        }

        Volatile.Write(ref _isStopped, false);
        _continuedUnreported = true;
        _stopsAwaited = 0;
        _stopSignal = 0;
    }

    private void DiscardLocked(ulong set)
    {
        _shared.Discard(set);
        foreach (Task task in _tasks)
        {
            task.Pending.Discard(set);
        }
    }

    /// <summary>Chooses the task that takes the signal and wakes it; a fatal one takes the process down at once
    /// (kernel/signal.c, complete_signal).</summary>
    private void CompleteLocked(int signal, Task main, Task? target)
    {
        Task? chosen = main.WantsSignalLocked(signal) ? main : null;
        if (chosen is null && target is null)
        {
            chosen = FindTakerLocked(signal);
        }

        if (chosen is null)
        {
            return;
        }

        bool fatal = Handlers.Get(signal).sa_handler == Signals.SIG_DFL
            && !SignalSets.Contains(SignalSets.DefaultIgnore | SignalSets.Stop, signal)
            && !SignalSets.Contains(chosen.WaitedSignals, signal)
            && (signal == Signals.SIGKILL || (chosen.Trace is null && !SignalSets.Contains(SignalSets.Core, signal)
                && !IsProtectedLocked));
        if (fatal)
        {
            BeginGroupExitLocked(signal);
            return;
        }

        chosen.Interrupt(TaskWork.Signal);
    }

    private Task? FindTakerLocked(int signal)
    {
        Task? candidate = _nextTarget ?? _tasks.First;
        for (int left = _tasks.Count; left > 0; left--)
        {
            if (candidate!.WantsSignalLocked(signal))
            {
                _nextTarget = candidate;
                return candidate;
            }

            candidate = _tasks.After(candidate);
        }

        return null;
    }

    private void BeginGroupExitLocked(int waitStatus)
    {
        Volatile.Write(ref _isExiting, true);
        _exitCode = waitStatus;
        _stopsAwaited = 0;
        Volatile.Write(ref _isStopped, false);
        foreach (Task task in _tasks)
        {
            task.KillLocked();
        }
    }
}
