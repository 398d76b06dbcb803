using System;

namespace Platform;

/// <summary>Why <see cref="IContext.Switch"/> came back.</summary>
public enum SwitchReason
{
    /// <summary>
    /// The guest executed SYSCALL: number in Rax (also OrigRax), arguments in Rdi, Rsi, Rdx, R10, R8, R9; Rip is
    /// after the instruction.
    /// </summary>
    SystemCall,

    /// <summary>
    /// The guest raised a synchronous exception; <see cref="FaultInfo"/> says which signal Linux would raise.
    /// </summary>
    Fault,

    /// <summary>
    /// <see cref="IContext.Interrupt"/> was called; registers are consistent and the guest may simply be switched to
    /// again.
    /// </summary>
    Interrupted,

    /// <summary>The guest was preempted for no reason of its own; switch again.</summary>
    Preempted,

    /// <summary>
    /// The host side of this address space is gone (killed from outside, out of memory): the thread group cannot go
    /// on.
    /// </summary>
    Dead,
}

/// <summary>
/// A synchronous fault as Linux reports it in siginfo (sigaction(2)): signal number, si_code, si_addr, and for page
/// faults the kind of access.
/// </summary>
public struct FaultInfo
{
    /// <summary>SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP.</summary>
    public int Signal;

    /// <summary>
    /// si_code, for example SEGV_MAPERR, FPE_INTDIV, TRAP_BRKPT, TRAP_TRACE; SI_KERNEL where the CPU gives no
    /// address.
    /// </summary>
    public int Code;

    /// <summary>si_addr: faulting data or instruction address; 0 with SI_KERNEL.</summary>
    public ulong Address;

    /// <summary>
    /// For page faults what was attempted. <see cref="MemoryAccess.None"/> when the platform cannot tell: the memory
    /// manager then tries the strongest access the VMA allows.
    /// </summary>
    public MemoryAccess Access;

    /// <summary>
    /// True when the fault is a page fault the memory manager may resolve (missing translation or missing
    /// permission).
    /// </summary>
    public bool IsPageFault;

    /// <summary>
    /// x86 trap number and error code for the signal frame (sigcontext trapno and err), 0 if unknown.
    /// </summary>
    public uint TrapNumber;

    /// <summary>Error code that goes with <see cref="TrapNumber"/>.</summary>
    public uint ErrorCode;
}

/// <summary>
/// The execution state of one guest thread. Only <see cref="Interrupt"/> and <see cref="SetAffinity"/> may be
/// called from another thread.
/// </summary>
public interface IContext : IDisposable
{
    /// <summary>
    /// General registers; a pinned, cache-line aligned block shared with machine code. Valid while the guest does not
    /// run.
    /// </summary>
    ref GuestRegisters Registers { get; }

    /// <summary>
    /// Runs the guest with <see cref="Registers"/> in <paramref name="addressSpace"/> until something happens.
    /// <paramref name="fault"/> is filled only for <see cref="SwitchReason.Fault"/>.
    /// </summary>
    SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault);

    /// <summary>
    /// The task is going to sleep in the Sentry: gives up what only a context at work needs. Its own host thread.
    /// </summary>
    void Rest()
    {
    }

    /// <summary>
    /// Makes the current or the next <see cref="Switch"/> return <see cref="SwitchReason.Interrupted"/> soon (another
    /// reason may
    /// be reported first, then the interrupt is consumed). Callable from any thread at any time, also after the
    /// context is disposed.
    /// </summary>
    void Interrupt();

    /// <summary>
    /// Says on which CPUs of the host the guest thread may run, as a mask of sched_setaffinity(2); empty: on all that
    /// the process may use. It holds from the return on, also when the guest does not run right now. Callable from any
    /// thread at any time, also after the context is disposed.
    /// </summary>
    void SetAffinity(ReadOnlySpan<byte> mask);

    /// <summary>
    /// Copies the floating-point state (XSAVE standard format, <see cref="IPlatform.FpStateBytes"/> bytes) out.
    /// </summary>
    void ReadFpState(Span<byte> state);

    /// <summary>
    /// Replaces the floating-point state. The platform accepts anything: reserved bits of MXCSR and of the XSAVE
    /// header are cleared first.
    /// An empty span sets the initial state of a new program (FNINIT, MXCSR 0x1f80).
    /// </summary>
    void WriteFpState(ReadOnlySpan<byte> state);

    /// <summary>
    /// The platform may from now on answer a system call without arguments by itself, always with this value: <see
    /// cref="Switch"/> need not return for it. Numbers that are equal in their low four bits exclude each other. By
    /// the owner only.
    /// </summary>
    void OfferAnswer(int number, ulong value)
    {
    }

    /// <summary>
    /// The platform may from now on make sched_yield(2) by itself, on the guest's thread, and answer 0: <see
    /// cref="Switch"/> need not return for it. By the owner only.
    /// </summary>
    void OfferYield()
    {
    }

    /// <summary>
    /// Takes all offers back: when it returns, calls that begin are not answered any more. Callable from any thread at
    /// any time, also after the context is disposed.
    /// </summary>
    void WithdrawAnswers()
    {
    }
}
