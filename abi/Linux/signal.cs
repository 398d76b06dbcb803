using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>
/// Signal numbers, sigaction(2) flags and sigaltstack(2), with the kernel's values (glibc keeps the first
/// real-time signals for itself).
/// </summary>
[CHeader("asm/signal.h")]
public static class Signals
{
    // Signal numbers.
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGILL = 4;
    public const int SIGTRAP = 5;
    public const int SIGABRT = 6;
    public const int SIGIOT = 6;
    public const int SIGBUS = 7;
    public const int SIGFPE = 8;
    public const int SIGKILL = 9;
    public const int SIGUSR1 = 10;
    public const int SIGSEGV = 11;
    public const int SIGUSR2 = 12;
    public const int SIGPIPE = 13;
    public const int SIGALRM = 14;
    public const int SIGTERM = 15;
    public const int SIGSTKFLT = 16;
    public const int SIGCHLD = 17;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;
    public const int SIGTSTP = 20;
    public const int SIGTTIN = 21;
    public const int SIGTTOU = 22;
    public const int SIGURG = 23;
    public const int SIGXCPU = 24;
    public const int SIGXFSZ = 25;
    public const int SIGVTALRM = 26;
    public const int SIGPROF = 27;
    public const int SIGWINCH = 28;
    public const int SIGIO = 29;
    public const int SIGPOLL = 29;
    public const int SIGPWR = 30;
    public const int SIGSYS = 31;
    public const int SIGRTMIN = 32;

    // sigaltstack(2).
    public const int MINSIGSTKSZ = 2048;
    public const int SIGSTKSZ = 8192;

    // sigaction(2).
    public const ulong SA_RESTORER = 0x04000000;
    public const ulong SA_NOCLDSTOP = 0x00000001;
    public const ulong SA_NOCLDWAIT = 0x00000002;
    public const ulong SA_SIGINFO = 0x00000004;
    public const ulong SA_UNSUPPORTED = 0x00000400;
    public const ulong SA_EXPOSE_TAGBITS = 0x00000800;
    public const ulong SA_ONSTACK = 0x08000000;
    public const ulong SA_RESTART = 0x10000000;
    public const ulong SA_NODEFER = 0x40000000;
    public const ulong SA_RESETHAND = 0x80000000;
    public const ulong SA_NOMASK = 0x40000000;
    public const ulong SA_ONESHOT = 0x80000000;

    // sigprocmask(2).
    public const int SIG_BLOCK = 0;
    public const int SIG_UNBLOCK = 1;
    public const int SIG_SETMASK = 2;

    /// <summary>The highest real-time signal.</summary>
    [CField("(sizeof(sigset_t) * 8)")]
    public const int SIGRTMAX = 64;

    /// <summary>Number of signals, and bits in the kernel's signal set.</summary>
    [CField("(sizeof(sigset_t) * 8)")]
    public const int NSIG = 64;

    // Handlers.
    [CField("(unsigned long)SIG_DFL")]
    public const ulong SIG_DFL = 0;
    [CField("(unsigned long)SIG_IGN")]
    public const ulong SIG_IGN = 1;
    [CField("(unsigned long)SIG_ERR")]
    public const ulong SIG_ERR = ulong.MaxValue;
}

/// <summary>Flags of sigaltstack(2).</summary>
[CHeader("linux/signal.h")]
public static class SigStack
{
    public const uint SS_ONSTACK = 1;
    public const uint SS_DISABLE = 2;
    public const uint SS_AUTODISARM = 0x80000000;
}

/// <summary>rt_sigaction(2) in the kernel's form (glibc's struct sigaction orders its fields differently).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sigaction", "asm/signal.h")]
public struct KernelSigaction
{
    public ulong sa_handler;
    public ulong sa_flags;
    public ulong sa_restorer;
    public ulong sa_mask;
}

/// <summary>sigaltstack(2) and uc_stack.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("stack_t", "asm/signal.h")]
public struct SigAltStack
{
    public ulong ss_sp;
    public int ss_flags;
    private int _pad0;
    public ulong ss_size;
}
