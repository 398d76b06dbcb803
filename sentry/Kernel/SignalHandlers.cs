using System;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>Actions of all signals (rt_sigaction(2)), shared by a thread group and by CLONE_SIGHAND.</summary>
public sealed class SignalHandlers
{
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly KernelSigaction[] _actions = new KernelSigaction[Signals.NSIG];

    /// <summary>The action of a signal.</summary>
    public KernelSigaction Get(int signal)
    {
        using (_lock.Enter())
        {
            return _actions[signal - 1];
        }
    }

    /// <summary>Replaces an action and returns the old one.</summary>
    public KernelSigaction Exchange(int signal, in KernelSigaction action)
    {
        using (_lock.Enter())
        {
            KernelSigaction old = _actions[signal - 1];
            _actions[signal - 1] = action;
            return old;
        }
    }

    /// <summary>True when the signal would do nothing: SIG_IGN, or SIG_DFL of a signal ignored by default.</summary>
    public bool IsIgnored(int signal)
    {
        ulong handler = Get(signal).sa_handler;
        return handler == Signals.SIG_IGN
            || (handler == Signals.SIG_DFL && SignalSets.Contains(SignalSets.DefaultIgnore, signal));
    }

    /// <summary>A copy for fork(2).</summary>
    public SignalHandlers Copy()
    {
        SignalHandlers result = new();
        using (_lock.Enter())
        {
            _actions.AsSpan().CopyTo(result._actions);
        }

        return result;
    }

    /// <summary>A copy for execve(2) and CLONE_CLEAR_SIGHAND: ignored stays ignored, all else is the default.</summary>
    public SignalHandlers CopyIgnored()
    {
        SignalHandlers result = new();
        using (_lock.Enter())
        {
            for (int i = 0; i < _actions.Length; i++)
            {
                result._actions[i].sa_handler = _actions[i].sa_handler == Signals.SIG_IGN ? Signals.SIG_IGN
                    : Signals.SIG_DFL;
            }
        }

        return result;
    }

    /// <summary>The sets of ignored and caught signals, for /proc/pid/status.</summary>
    public void GetSets(out ulong ignored, out ulong caught)
    {
        ignored = 0;
        caught = 0;
        for (int signal = 1; signal <= Signals.NSIG; signal++)
        {
            ulong handler = Get(signal).sa_handler;
            ignored |= handler == Signals.SIG_IGN ? SignalSets.Of(signal) : 0;
            caught |= handler > Signals.SIG_IGN ? SignalSets.Of(signal) : 0;
        }
    }
}
