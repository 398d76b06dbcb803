using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>Requests of ptrace(2) as this platform uses them. All act on a tracee of the calling thread.</summary>
// SAFETY: the kernel reads and writes locals or blocks whose owners vouch for their size.
internal static unsafe class Tracing
{
    /// <summary>
    /// The signal that stops a running guest. Ignored by default: harmless to a thread that is not traced.
    /// </summary>
    public const int InterruptSignal = Signals.SIGURG;

    /// <summary>Wait status, shifted by eight, of a stop at a system call (PTRACE_O_TRACESYSGOOD).</summary>
    public const int SyscallStop = Signals.SIGTRAP | 0x80;

    /// <summary>User code and stack selectors of 64-bit Linux, and the code selector of 32-bit code.</summary>
    public const ulong UserCs = 0x33;
    public const ulong UserSs = 0x2b;
    public const ulong UserCs32 = 0x23;

    /// <summary>Interrupt flag and the bit that is always set.</summary>
    public const ulong PlainFlags = 0x202;

    private const int Options = HostPtrace.OptionSysGood | HostPtrace.OptionExitKill;

    /// <summary>Becomes the tracer of a running thread and stops it.</summary>
    public static Errno Attach(int tid)
    {
        Errno error = HostPtrace.Request(HostPtrace.Seize, tid, 0, Options);
        if (error == Errno.None)
        {
            error = HostPtrace.Request(HostPtrace.Interrupt, tid, 0, 0);
        }
        if (error != Errno.None)
        {
            return error;
        }
        return Wait(tid, out int status) && IsStop(status) ? Errno.None : Errno.ESRCH;
    }

    /// <summary>
    /// Options and attachment of a child that was forked by a tracee (CLONE_PTRACE) and is about to stop.
    /// </summary>
    public static Errno AwaitTracedChild(int pid)
    {
        if (!Wait(pid, out int status) || !IsStop(status))
        {
            return Errno.ESRCH;
        }
        return HostPtrace.Request(HostPtrace.SetOptions, pid, 0, Options);
    }

    /// <summary>Waits for a change of one tracee; false when it is no longer there.</summary>
    public static bool Wait(int tid, out int status)
    {
        Errno error;
        do
        {
            error = HostWait.Wait4(tid, HostWait.All | HostWait.OwnThreadOnly, out status, out _);
        }
        while (error == Errno.EINTR);
        return error == Errno.None;
    }

    /// <summary>Whether a wait status is a stop; otherwise the thread has ended and is reaped.</summary>
    public static bool IsStop(int status) => (status & 0xff) == 0x7f;

    /// <summary>GETREGS into a block of 216 bytes.</summary>
    public static Errno GetRegisters(int tid, RegisterBlock registers) =>
        HostPtrace.Request(HostPtrace.GetRegs, tid, 0, registers.Address);

    /// <summary>SETREGS from a block of 216 bytes.</summary>
    public static Errno SetRegisters(int tid, RegisterBlock registers) =>
        HostPtrace.Request(HostPtrace.SetRegs, tid, 0, registers.Address);

    /// <summary>Resumes with CONT or SYSEMU; a signal that stopped the tracee is swallowed.</summary>
    public static Errno Resume(int tid, int request) => HostPtrace.Request(request, tid, 0, 0);

    /// <summary>Signal, code and address of the stop.</summary>
    public static Errno GetSignal(int tid, out int code, out ulong address, out int syscall)
    {
        // SAFETY: siginfo_t is 128 bytes: si_code at 8, si_addr at 16 (SIGSYS: si_syscall at 24).
        int* info = stackalloc int[32];
        Errno error = HostPtrace.Request(HostPtrace.GetSigInfo, tid, 0, (nint)info);
        code = error == Errno.None ? info[2] : 0;
        address = error == Errno.None ? *(ulong*)(info + 4) : 0;
        syscall = error == Errno.None ? info[6] : 0;
        return error;
    }

    /// <summary>Sets the blocked signals of a stopped tracee.</summary>
    public static Errno SetSignalMask(int tid, ulong mask)
    {
        // SAFETY: the kernel reads 8 bytes of a local.
        return HostPtrace.Request(HostPtrace.SetSigMask, tid, sizeof(ulong), (nint)(&mask));
    }

    /// <summary>The audit architecture of the system call the tracee is stopped at; 0 if it is not.</summary>
    public static uint SyscallArchitecture(int tid)
    {
        // SAFETY: the kernel writes at most sizeof bytes of a local.
        PtraceSyscallInfo info = default;
        Errno error = HostPtrace.Request(
            HostPtrace.GetSyscallInfo, tid, sizeof(PtraceSyscallInfo), (nint)(&info), out long bytes);
        bool atEntry = bytes > 0 && info.op == Abi.Linux.Ptrace.PTRACE_SYSCALL_INFO_ENTRY;
        return error == Errno.None && atEntry ? info.arch : 0;
    }

    /// <summary>The rseq registration of a stopped tracee (rseq(2)); pointer 0 for none.</summary>
    public static Errno GetRseq(int tid, out PtraceRseqConfiguration configuration)
    {
        // SAFETY: the kernel writes at most sizeof bytes of a local.
        PtraceRseqConfiguration found = default;
        Errno error = HostPtrace.Request(
            HostPtrace.GetRseqConfiguration, tid, sizeof(PtraceRseqConfiguration), (nint)(&found), out long _);
        configuration = found;
        return error;
    }

    /// <summary>GETREGSET or SETREGSET of the XSAVE area; gives the bytes moved.</summary>
    public static Errno MoveFpState(int request, int tid, nint area, int bytes, out int moved)
    {
        // SAFETY: struct iovec on the stack; the caller's area holds that many bytes.
        nint* piece = stackalloc nint[2] { area, bytes };
        Errno error = HostPtrace.Request(request, tid, HostPtrace.NtX86XState, (nint)piece);
        moved = (int)piece[1];
        return error;
    }

    /// <summary>Registers with which a stub thread begins something of the stub page.</summary>
    public static void PrepareStubRegisters(ref GuestRegisters registers, ulong rip)
    {
        registers = default;
        registers.Rip = rip;
        registers.OrigRax = ulong.MaxValue;
        registers.Cs = UserCs;
        registers.Ss = UserSs;
        registers.Eflags = PlainFlags;
    }
}
