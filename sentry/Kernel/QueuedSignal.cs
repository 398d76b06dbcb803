using Abi.Linux;
using Sentry.Time;

namespace Sentry.Kernel;

/// <summary>
/// One instance of a pending signal (Linux's struct sigqueue). A POSIX timer owns one and queues it again and again,
/// so that an expiry allocates nothing and cannot fail. Guarded by the signal lock.
/// </summary>
internal sealed class QueuedSignal(in SigInfo info, PosixTimer? timer)
{
    private SigInfo _info = info;

    /// <summary>What the handler gets.</summary>
    internal ref readonly SigInfo Info => ref _info;

    /// <summary>Timer it belongs to, which hears when it is taken; null for others.</summary>
    internal PosixTimer? Timer { get; } = timer;

    /// <summary>Charged until it is taken; a timer's is charged for the timer's life.</summary>
    internal UserAccount? Account { get; private set; }

    /// <summary>In a queue.</summary>
    internal bool IsQueued { get; set; }

    internal QueuedSignal? Next { get; set; }

    /// <summary>Makes another signal of an instance that is in no queue and belongs to no timer.</summary>
    internal void Reuse(in SigInfo info, UserAccount? account)
    {
        _info = info;
        Account = account;
    }
}
