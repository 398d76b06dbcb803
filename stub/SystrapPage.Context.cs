using Abi.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// What context threads run. All signals are blocked here, so the only way out is the signal return at the end.
/// </summary>
public sealed partial class SystrapPage
{
    /// <summary>
    /// A new thread, its slot in r9: takes its signal stack, gives up every system call it does not need below, and
    /// waits for its first registers.
    /// </summary>
    private void EmitContextStart()
    {
        Label failed = _a.CreateLabel();
        _a.Label(ref _contextStart);
        _a.mov(r15, r9);
        _a.lea(rdi, __[r15 + ContextSlot.AltStack]);
        _a.xor(esi, esi);
        EmitCall(SysNr.sigaltstack);
        _a.test(rax, rax);
        _a.jnz(failed);
        _a.lea(rdx, __[_start]);
        _a.add(rdx, SystrapLayout.ConstantsOffset + SystrapLayout.ThreadFilterOffset);
        _a.mov(edi, 1);                     // SECCOMP_SET_MODE_FILTER
        _a.xor(esi, esi);
        EmitCall(SysNr.seccomp);
        _a.test(rax, rax);
        _a.jz(_await);
        _a.Label(ref failed);
        EmitExit();
    }

    /// <summary>
    /// handler(rdi = signal, rsi = siginfo, rdx = ucontext), rsp = the frame: hands over to the Sentry, waits for the
    /// turn to come back, returns from the frame, which may have changed.
    /// </summary>
    private void EmitHandler()
    {
        _a.Label(ref _handler);
        _a.mov(r15, rsp);
        _a.and(r15, -SystrapLayout.ContextBytes);
        _a.mov(__qword_ptr[r15 + ContextSlot.Frame], rsp);
        _a.rdfsbase(rax);
        _a.mov(__qword_ptr[r15 + ContextSlot.FsBase], rax);
        _a.rdgsbase(rax);
        _a.mov(__qword_ptr[r15 + ContextSlot.GsBase], rax);
        _a.mov(eax, ContextSlot.TurnSentry);
        _a.xchg(__dword_ptr[r15 + ContextSlot.Turn], eax);
        _a.cmp(__dword_ptr[r15 + ContextSlot.SentrySleeps], 0);
        _a.je(_await);
        _a.mov(rdi, r15);
        EmitWake();
        EmitAwait();

        _a.Label(ref _restorer);
        EmitCall(SysNr.rt_sigreturn);
        _a.ud2();
    }

    /// <summary>Waits for the guest's turn, r15 = the slot; then prepares the return from the frame.</summary>
    private void EmitAwait()
    {
        Label spin = _a.CreateLabel();
        Label sleep = _a.CreateLabel();
        Label awake = _a.CreateLabel();
        Label go = _a.CreateLabel();

        _a.Label(ref _await);
        EmitReadClock(r12);
        _a.Label(ref spin);
        EmitCheckTurn(go);
        _a.pause();
        EmitReadClock(rax);
        _a.sub(rax, r12);
        _a.cmp(rax, __qword_ptr[r15 + ContextSlot.YieldCycles]);
        _a.jae(sleep);
        _a.cmp(rax, __qword_ptr[r15 + ContextSlot.SpinCycles]);
        _a.jb(spin);
        EmitCall(SysNr.sched_yield);
        _a.jmp(spin);

        _a.Label(ref sleep);
        _a.mov(eax, 1);
        _a.xchg(__dword_ptr[r15 + ContextSlot.StubSleeps], eax);
        EmitCheckTurn(awake);
        _a.mov(rdi, r15);
        _a.mov(esi, FutexWait);
        _a.mov(edx, ContextSlot.TurnSentry);
        _a.xor(r10d, r10d);
        EmitCall(SysNr.futex);
        EmitCheckTurn(awake);
        _a.jmp(sleep);
        _a.Label(ref awake);
        _a.mov(__dword_ptr[r15 + ContextSlot.StubSleeps], 0);

        _a.Label(ref go);
        _a.mov(rax, __qword_ptr[r15 + ContextSlot.FsBase]);
        _a.wrfsbase(rax);
        _a.mov(rax, __qword_ptr[r15 + ContextSlot.GsBase]);
        _a.wrgsbase(rax);
        _a.mov(rsp, __qword_ptr[r15 + ContextSlot.Frame]);
        _a.add(rsp, sizeof(ulong));         // as the RET of a handler would leave it
    }

    private void EmitCheckTurn(Label go)
    {
        _a.cmp(__dword_ptr[r15 + ContextSlot.Turn], ContextSlot.TurnGuest);
        _a.je(go);
    }
}
