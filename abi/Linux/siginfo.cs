using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Values of si_code and sigev_notify, sigaction(2) and sigevent(7).</summary>
[CHeader("asm/siginfo.h")]
public static class SigCode
{
    // Sender.
    public const int SI_USER = 0;
    public const int SI_KERNEL = 0x80;
    public const int SI_QUEUE = -1;
    public const int SI_TIMER = -2;
    public const int SI_MESGQ = -3;
    public const int SI_ASYNCIO = -4;
    public const int SI_SIGIO = -5;
    public const int SI_TKILL = -6;
    public const int SI_DETHREAD = -7;
    public const int SI_ASYNCNL = -60;

    // SIGILL.
    public const int ILL_ILLOPC = 1;
    public const int ILL_ILLOPN = 2;
    public const int ILL_ILLADR = 3;
    public const int ILL_ILLTRP = 4;
    public const int ILL_PRVOPC = 5;
    public const int ILL_PRVREG = 6;
    public const int ILL_COPROC = 7;
    public const int ILL_BADSTK = 8;
    public const int ILL_BADIADDR = 9;

    // SIGFPE.
    public const int FPE_INTDIV = 1;
    public const int FPE_INTOVF = 2;
    public const int FPE_FLTDIV = 3;
    public const int FPE_FLTOVF = 4;
    public const int FPE_FLTUND = 5;
    public const int FPE_FLTRES = 6;
    public const int FPE_FLTINV = 7;
    public const int FPE_FLTSUB = 8;
    public const int FPE_FLTUNK = 14;
    public const int FPE_CONDTRAP = 15;

    // SIGSEGV.
    public const int SEGV_MAPERR = 1;
    public const int SEGV_ACCERR = 2;
    public const int SEGV_BNDERR = 3;
    public const int SEGV_PKUERR = 4;
    public const int SEGV_ACCADI = 5;
    public const int SEGV_ADIDERR = 6;
    public const int SEGV_ADIPERR = 7;
    public const int SEGV_MTEAERR = 8;
    public const int SEGV_MTESERR = 9;
    public const int SEGV_CPERR = 10;

    // SIGBUS.
    public const int BUS_ADRALN = 1;
    public const int BUS_ADRERR = 2;
    public const int BUS_OBJERR = 3;
    public const int BUS_MCEERR_AR = 4;
    public const int BUS_MCEERR_AO = 5;

    // SIGTRAP.
    public const int TRAP_BRKPT = 1;
    public const int TRAP_TRACE = 2;
    public const int TRAP_BRANCH = 3;
    public const int TRAP_HWBKPT = 4;
    public const int TRAP_UNK = 5;
    public const int TRAP_PERF = 6;
    public const int TRAP_PERF_FLAG_ASYNC = 1;

    // SIGCHLD.
    public const int CLD_EXITED = 1;
    public const int CLD_KILLED = 2;
    public const int CLD_DUMPED = 3;
    public const int CLD_TRAPPED = 4;
    public const int CLD_STOPPED = 5;
    public const int CLD_CONTINUED = 6;

    // SIGPOLL.
    public const int POLL_IN = 1;
    public const int POLL_OUT = 2;
    public const int POLL_MSG = 3;
    public const int POLL_ERR = 4;
    public const int POLL_PRI = 5;
    public const int POLL_HUP = 6;

    // SIGSYS.
    public const int SYS_SECCOMP = 1;
    public const int SYS_USER_DISPATCH = 2;

    // sigevent(7).
    public const int SIGEV_SIGNAL = 0;
    public const int SIGEV_NONE = 1;
    public const int SIGEV_THREAD = 2;
    public const int SIGEV_THREAD_ID = 4;
    public const int SIGEV_MAX_SIZE = 64;
    public const int SIGEV_PAD_SIZE = 12;

    // Size of siginfo_t.
    public const int SI_MAX_SIZE = 128;
}

/// <summary>siginfo_t, sigaction(2): a header and a union that si_code and the signal select.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
[CType("siginfo_t", "asm/siginfo.h")]
public struct SigInfo
{
    [FieldOffset(0)]
    public int si_signo;

    [FieldOffset(4)]
    public int si_errno;

    [FieldOffset(8)]
    public int si_code;

    [FieldOffset(12)]
    private int _pad0;

    [FieldOffset(16)]
    public int si_pid;

    [FieldOffset(20)]
    public uint si_uid;

    [FieldOffset(24)]
    public int si_status;

    [FieldOffset(32)]
    public long si_utime;

    [FieldOffset(40)]
    public long si_stime;

    [FieldOffset(24)]
    [CField("_sifields._rt._sigval.sival_ptr")]
    public ulong si_value;

    [FieldOffset(24)]
    public int si_int;

    [FieldOffset(24)]
    public ulong si_ptr;

    [FieldOffset(16)]
    [CField("_sifields._timer._tid")]
    public int si_timerid;

    [FieldOffset(20)]
    public int si_overrun;

    [FieldOffset(16)]
    public ulong si_addr;

    [FieldOffset(24)]
    public short si_addr_lsb;

    [FieldOffset(32)]
    public ulong si_lower;

    [FieldOffset(40)]
    public ulong si_upper;

    [FieldOffset(32)]
    public uint si_pkey;

    [FieldOffset(24)]
    public ulong si_perf_data;

    [FieldOffset(32)]
    public uint si_perf_type;

    [FieldOffset(36)]
    public uint si_perf_flags;

    [FieldOffset(16)]
    public long si_band;

    [FieldOffset(24)]
    public int si_fd;

    [FieldOffset(16)]
    public ulong si_call_addr;

    [FieldOffset(24)]
    public int si_syscall;

    [FieldOffset(28)]
    public uint si_arch;
}

/// <summary>struct sigevent, timer_create(2) and mq_notify(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
[CType("struct sigevent", "asm/siginfo.h")]
public struct SigEvent
{
    [FieldOffset(0)]
    public ulong sigev_value;

    [FieldOffset(8)]
    public int sigev_signo;

    [FieldOffset(12)]
    public int sigev_notify;

    [FieldOffset(16)]
    public int sigev_notify_thread_id;

    [FieldOffset(16)]
    public ulong sigev_notify_function;

    [FieldOffset(24)]
    public ulong sigev_notify_attributes;
}
