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
    /// turn to come back, returns from the frame, which may have changed. A thread that waits in a patched call has no
    /// turn to give, unless it has just got it; otherwise the signal means nothing, and the waiting goes on.
    /// </summary>
    private void EmitHandler()
    {
        const int RipInUcontext = 40 + (16 * sizeof(ulong));
        Label frame = _a.CreateLabel();
        _a.Label(ref _handler);
        _a.mov(r15, rsp);
        _a.and(r15, -SystrapLayout.ContextBytes);
        _a.mov(rax, __[rdx + RipInUcontext]);
        _a.lea(rcx, __[_callGiven]);
        _a.cmp(rax, rcx);
        _a.jb(frame);
        _a.lea(rcx, __[_turned]);
        _a.cmp(rax, rcx);
        _a.jae(frame);
        _a.mov(eax, ContextSlot.TurnGuest);
        _a.mov(ecx, ContextSlot.TurnTaken);
        _a.@lock.cmpxchg(__dword_ptr[r15 + ContextSlot.Turn], ecx);
        _a.je(frame);
        _a.add(rsp, sizeof(ulong));
        _a.jmp(_restorer);

        _a.Label(ref frame);
        _a.mov(__qword_ptr[r15 + ContextSlot.Frame], rsp);
        _a.rdfsbase(rax);
        _a.mov(__qword_ptr[r15 + ContextSlot.FsBase], rax);
        _a.rdgsbase(rax);
        _a.mov(__qword_ptr[r15 + ContextSlot.GsBase], rax);
        _a.Label(ref _give);
        _a.mov(__dword_ptr[r15 + ContextSlot.State], ContextSlot.StateFrame);
        _a.mov(eax, ContextSlot.TurnSentry);
        _a.xchg(__dword_ptr[r15 + ContextSlot.Turn], eax);
        _a.cmp(__dword_ptr[r15 + ContextSlot.SentrySleeps], 0);
        _a.je(_await);
        _a.mov(rdi, r15);
        EmitWake();
        _a.jmp(_await);
    }

    /// <summary>
    /// Waits until the turn is no longer the Sentry's, r15 = the slot: spins (r10 = so long) while the Sentry is on
    /// another CPU and at work for it, yields, sleeps. Up to <see cref="_turned"/> a thread that waits
    /// in a patched call may take a signal.
    /// </summary>
    private void EmitAwait()
    {
        const int CpuMask = 0xfff;          // TSC_AUX also has the node (arch/x86/include/asm/segment.h)
        Label spin = _a.CreateLabel();
        Label yields = _a.CreateLabel();
        Label sleep = _a.CreateLabel();
        Label awake = _a.CreateLabel();

        _a.Label(ref _await);
        _a.rdtscp();                        // ecx = the CPU, by Linux
        _a.shl(rdx, 32);
        _a.or(rax, rdx);
        _a.mov(r12, rax);
        _a.and(ecx, CpuMask);
        _a.mov(__dword_ptr[r15 + ContextSlot.StubCpu], ecx);
        _a.xor(r10d, r10d);
        _a.cmp(ecx, __dword_ptr[r15 + ContextSlot.SentryCpu]);
        _a.je(spin);
        _a.mov(r10, __qword_ptr[r15 + ContextSlot.SpinCycles]);
        _a.Label(ref spin);
        EmitCheckTurn(_turned);
        _a.pause();
        EmitReadClock(rax);
        _a.sub(rax, r12);
        _a.cmp(rax, r10);
        _a.jae(yields);
        _a.cmp(rax, __qword_ptr[r15 + ContextSlot.SpinCycles]);
        _a.jb(spin);
        _a.Label(ref yields);
        _a.cmp(rax, __qword_ptr[r15 + ContextSlot.YieldCycles]);
        _a.jae(sleep);
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
    }

    private void EmitCheckTurn(Label go)
    {
        _a.cmp(__dword_ptr[r15 + ContextSlot.Turn], ContextSlot.TurnSentry);
        _a.jne(go);
    }
}
