using Abi.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// System calls of patched sites: no signal, no kernel entry. Runs with the guest's signal mask, so a signal of ours
/// may
/// land at any instruction; which offsets mean what to the Sentry is said by the page's properties.
/// </summary>
public sealed partial class SystrapPage
{
    /// <summary>
    /// A trampoline comes here with r11 = where it goes on, as good as lost to the guest like rcx: SYSCALL destroys
    /// both.
    /// If GS leads to a slot, the guest has no use for it and does not know; otherwise the instruction in front of
    /// r11, a SYSCALL, traps. No instruction before the flags are saved may change them.
    /// </summary>
    private void EmitCallSite()
    {
        const int SyscallBytes = 2;
        const int AnswerShift = 4;
        Label ours = _a.CreateLabel();
        Label answered = _a.CreateLabel();
        Label unanswered = _a.CreateLabel();
        Label handedOver = _a.CreateLabel();

        _a.Label(ref _call);
        _a.rdgsbase(rcx);
        _a.rorx(rcx, rcx, SystrapLayout.BaseAlignmentBits);
        _a.movzx(ecx, cx);
        _a.lea(rcx, __[rcx - _baseBits]);
        _a.Label(ref _based);
        _a.jrcxz(ours);
        _a.lea(r11, __[r11 - SyscallBytes]);
        _a.jmp(r11);

        _a.Label(ref ours);
        _a.rdgsbase(rcx);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rax], rax);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rip], r11);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rsp], rsp);
        _a.Label(ref _callSaved);
        _a.lea(rsp, __[rcx + CallRegisters.Eflags + sizeof(ulong)]);
        _a.pushfq();
        _a.Label(ref _callFlags);
        _a.mov(r11d, eax);
        _a.and(r11d, ContextSlot.AnswerCount - 1);
        _a.shl(r11d, AnswerShift);
        _a.cmp(rax, __qword_ptr[rcx + r11 + ContextSlot.Answers]);
        _a.jne(unanswered);
        _a.mov(rax, __qword_ptr[rcx + r11 + ContextSlot.Answers + sizeof(ulong)]);
        _a.Label(ref answered);
        _a.inc(__qword_ptr[rcx + ContextSlot.Answered]);
        _a.popfq();
        _a.mov(rsp, __qword_ptr[rcx + CallRegisters.Rsp]);
        _a.jmp(__qword_ptr[rcx + CallRegisters.Rip]);

        _a.Label(ref unanswered);
        _a.cmp(rax, __qword_ptr[rcx + ContextSlot.Yields]);
        _a.jne(handedOver);
        EmitCall(SysNr.sched_yield);        // a call that is begun again yields twice
        _a.rdgsbase(rcx);
        _a.jmp(answered);

        _a.Label(ref handedOver);
        EmitSaveRegisters();
        _a.mov(rax, __qword_ptr[rcx + CallRegisters.Rax]);
        _a.cmp(rax, __qword_ptr[rcx + ContextSlot.SaveFor]);
        _a.mov(eax, ContextSlot.StateCall);
        _a.jne(_callReady);
        _a.Label(ref _callSaving);
        EmitSaveFp();
        _a.Label(ref _callReady);
        _a.mov(__dword_ptr[rcx + ContextSlot.State], eax);
        _a.mov(eax, ContextSlot.TurnSentry);
        _a.xchg(__dword_ptr[rcx + ContextSlot.Turn], eax);
        _a.Label(ref _callGiven);
        _a.mov(r15, rcx);
        _a.cmp(__dword_ptr[r15 + ContextSlot.SentrySleeps], 0);
        _a.je(_await);
        _a.mov(rdi, r15);
        EmitWake();
    }

    private void EmitSaveRegisters()
    {
        _a.mov(__qword_ptr[rcx + CallRegisters.R15], r15);
        _a.mov(__qword_ptr[rcx + CallRegisters.R14], r14);
        _a.mov(__qword_ptr[rcx + CallRegisters.R13], r13);
        _a.mov(__qword_ptr[rcx + CallRegisters.R12], r12);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rbp], rbp);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rbx], rbx);
        _a.mov(__qword_ptr[rcx + CallRegisters.R10], r10);
        _a.mov(__qword_ptr[rcx + CallRegisters.R9], r9);
        _a.mov(__qword_ptr[rcx + CallRegisters.R8], r8);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rdx], rdx);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rsi], rsi);
        _a.mov(__qword_ptr[rcx + CallRegisters.Rdi], rdi);
        _a.rdfsbase(rax);
        _a.mov(__qword_ptr[rcx + CallRegisters.FsBase], rax);
    }

    /// <summary>The floating-point state to the slot rcx, and the state of a thread that has done so to eax.</summary>
    private void EmitSaveFp()
    {
        _a.mov(eax, -1);
        _a.mov(edx, eax);
        _a.xsave64(__[rcx + ContextSlot.PreparedFp]);
        _a.mov(eax, ContextSlot.StateCallSaved);
    }

    /// <summary>
    /// The Sentry has let the thread go on, r15 = the slot: with a result after a patched call, or from a frame. Or it
    /// wants the floating-point state of the thread, which waits in a patched call; one that does not gives its frame.
    /// </summary>
    private void EmitTurned()
    {
        Label wanted = _a.CreateLabel();
        Label answered = _a.CreateLabel();
        _a.Label(ref _turned);
        _a.cmp(__dword_ptr[r15 + ContextSlot.Turn], ContextSlot.TurnFrame);
        _a.je(wanted);
        _a.cmp(__dword_ptr[r15 + ContextSlot.Way], ContextSlot.StateCall);
        _a.je(answered);
        _a.mov(rax, __qword_ptr[r15 + ContextSlot.FsBase]);
        _a.wrfsbase(rax);
        _a.mov(rax, __qword_ptr[r15 + ContextSlot.GsBase]);
        _a.wrgsbase(rax);
        _a.mov(rsp, __qword_ptr[r15 + ContextSlot.Frame]);
        _a.add(rsp, sizeof(ulong));         // as the RET of a handler would leave it
        _a.Label(ref _restorer);
        EmitCall(SysNr.rt_sigreturn);
        _a.ud2();

        _a.Label(ref wanted);
        _a.cmp(__dword_ptr[r15 + ContextSlot.State], ContextSlot.StateFrame);
        _a.je(_give);
        _a.mov(rcx, r15);
        EmitSaveFp();
        _a.jmp(_callReady);

        _a.Label(ref answered);
        _a.mov(r12, __qword_ptr[r15 + CallRegisters.R12]);
        _a.mov(r10, __qword_ptr[r15 + CallRegisters.R10]);
        _a.mov(rdx, __qword_ptr[r15 + CallRegisters.Rdx]);
        _a.mov(rsi, __qword_ptr[r15 + CallRegisters.Rsi]);
        _a.mov(rdi, __qword_ptr[r15 + CallRegisters.Rdi]);
        _a.lea(rsp, __[r15 + CallRegisters.Eflags]);
        _a.popfq();
        _a.mov(rsp, __qword_ptr[r15 + CallRegisters.Rsp]);
        _a.mov(rax, __qword_ptr[r15 + CallRegisters.Rax]);
        _a.mov(rcx, __qword_ptr[r15 + CallRegisters.Rcx]);
        _a.mov(r11, __qword_ptr[r15 + CallRegisters.R11]);
        _a.mov(r15, __qword_ptr[r15 + CallRegisters.R15]);
        _a.jmp(__qword_ptr.gs[CallRegisters.Rip]);
    }
}
