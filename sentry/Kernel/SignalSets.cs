using System.Numerics;
using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>Sets of signals as bit masks, bit 0 for signal 1 (signal(7), include/linux/signal.h).</summary>
public static class SignalSets
{
    /// <summary>SIGKILL and SIGSTOP: never blocked, caught or ignored.</summary>
    public const ulong Unblockable = (1UL << (Signals.SIGKILL - 1)) | (1UL << (Signals.SIGSTOP - 1));

    /// <summary>Signals whose default action stops the process.</summary>
    public const ulong Stop = (1UL << (Signals.SIGSTOP - 1)) | (1UL << (Signals.SIGTSTP - 1))
        | (1UL << (Signals.SIGTTIN - 1)) | (1UL << (Signals.SIGTTOU - 1));

    /// <summary>Signals whose default action is to do nothing.</summary>
    public const ulong DefaultIgnore = (1UL << (Signals.SIGCHLD - 1)) | (1UL << (Signals.SIGCONT - 1))
        | (1UL << (Signals.SIGWINCH - 1)) | (1UL << (Signals.SIGURG - 1));

    /// <summary>Signals whose default action is to end the process with a core dump.</summary>
    public const ulong Core = Synchronous | (1UL << (Signals.SIGQUIT - 1)) | (1UL << (Signals.SIGABRT - 1))
        | (1UL << (Signals.SIGXCPU - 1)) | (1UL << (Signals.SIGXFSZ - 1));

    /// <summary>Signals of the instruction being executed: delivered before all others.</summary>
    public const ulong Synchronous = (1UL << (Signals.SIGSEGV - 1)) | (1UL << (Signals.SIGBUS - 1))
        | (1UL << (Signals.SIGILL - 1)) | (1UL << (Signals.SIGTRAP - 1)) | (1UL << (Signals.SIGFPE - 1))
        | (1UL << (Signals.SIGSYS - 1));

    /// <summary>SIGCONT alone.</summary>
    public const ulong Continue = 1UL << (Signals.SIGCONT - 1);

    /// <summary>SIGKILL alone.</summary>
    public const ulong Kill = 1UL << (Signals.SIGKILL - 1);

    /// <summary>The set that holds one signal.</summary>
    public static ulong Of(int signal) => 1UL << (signal - 1);

    /// <summary>True when the set holds the signal.</summary>
    public static bool Contains(ulong set, int signal) => (set >> (signal - 1) & 1) != 0;

    /// <summary>True for 1..64.</summary>
    public static bool IsValid(int signal) => signal is >= 1 and <= Signals.NSIG;

    /// <summary>True for a queued, real-time signal.</summary>
    public static bool IsRealTime(int signal) => signal >= Signals.SIGRTMIN;

    /// <summary>The signal of a set to deliver first: synchronous ones, then the lowest number. 0 for an empty
    /// set.</summary>
    public static int First(ulong set)
    {
        ulong urgent = set & Synchronous;
        ulong choice = urgent != 0 ? urgent : set;
        return choice == 0 ? 0 : BitOperations.TrailingZeroCount(choice) + 1;
    }
}
