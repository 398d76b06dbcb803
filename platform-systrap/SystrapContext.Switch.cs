using System.Threading;
using Abi.Linux;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>Running guest code.</summary>
internal sealed partial class SystrapContext
{
    private const int SiKernel = 0x80;
    private const int SysSeccomp = 1;
    private const uint GeneralProtection = 13;
    private const uint PageFault = 14;
    private const uint ErrorWrite = 2;
    private const uint ErrorFetch = 16;

    /// <summary>Error code of the #GP that INT n raises where n is not for users: vector, and the IDT bit.</summary>
    private const uint Int80ErrorCode = (0x80 << 3) | 2;
    private const uint Int80Bytes = 2;
    private const ulong SyscallBytes = 2;

    /// <summary>What one trap of the stub thread means.</summary>
    private enum TrapMeaning
    {
        Return,
        Resume,
    }

    public SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault)
    {
        fault = default;
        var space = (SystrapAddressSpace)addressSpace;
        if (!Bind(space) || !space.Enter())
        {
            return SwitchReason.Dead;
        }
        SwitchReason reason = SwitchReason.Interrupted;
        if (Interlocked.CompareExchange(ref _state, (int)RunState.Running, 0) == 0)
        {
            reason = Run(space, ref fault);
        }
        Interlocked.Exchange(ref _state, 0);
        return reason;
    }

    private SwitchReason Run(SystrapAddressSpace space, ref FaultInfo fault)
    {
        StubThread thread = _thread!;
        ref GuestRegisters r = ref _registers.Value;
        if (r.FsBase >= StubRegion.TaskSize || r.GsBase >= StubRegion.TaskSize)
        {
            // A base the CPU would have refused.
            fault = GeneralProtectionFault(0);
            return SwitchReason.Fault;
        }
        PrepareReturn(space, thread, ref r);
        while (true)
        {
            if (thread.ShouldPart(out int cpu))
            {
                MoveFrom(cpu);
            }
            thread.Resume();
            if ((Volatile.Read(ref _state) & (int)RunState.InterruptPending) != 0)
            {
                // The signal may have come while the thread still waited in a patched call, where it means nothing.
                thread.Interrupt();
            }
            if (thread.Await(ref _state, (int)RunState.InterruptPending) == WaitOutcome.Dead)
            {
                space.Bury();
                return SwitchReason.Dead;
            }
            int state = thread.Memory.State;
            _isOpen = state != ContextSlot.StateFrame;
            if (_isOpen)
            {
                _fpPlace = state == ContextSlot.StateCallSaved ? FpPlace.Saved : FpPlace.Thread;
                return AtPatchedCall(space, thread, ref r, ref fault);
            }
            _fpPlace = FpPlace.Frame;
            thread.Memory.Load(_layout, ref r, out TrapInfo trap);
            if (Understand(space, in trap, ref r, ref fault, out SwitchReason reason) == TrapMeaning.Return)
            {
                return reason;
            }
            if ((Volatile.Read(ref _state) & (int)RunState.InterruptPending) != 0)
            {
                return SwitchReason.Interrupted;
            }
            PrepareReturn(space, thread, ref r);
        }
    }

    /// <summary>The fastest way that will do: a result for a patched call, or everything in a frame.</summary>
    private void PrepareReturn(SystrapAddressSpace space, StubThread thread, ref GuestRegisters r)
    {
        bool isInThread = _fpPlace is FpPlace.Thread or FpPlace.Saved or FpPlace.ThreadAndHere;
        _isPrepared = false;
        if (isInThread && RegisterBlock.DifferInResultOnly(in r, in _handed))
        {
            NoteUnusedSave(thread);
            _handed = r;
            thread.Memory.StoreResult(in r);
            thread.Memory.SetWay(ContextSlot.StateCall);
            return;
        }
        if (isInThread)
        {
            SaveFpState();
        }
        FrameLayout place = _isOpen ? _layout.Prepared : _layout;
        if (_isOpen || _fpPlace is FpPlace.Here or FpPlace.Nowhere)
        {
            SaveFpState();
            thread.Memory.WriteFp(place, _fp);
        }
        if (_isOpen)
        {
            _isPrepared = true;
            thread.Memory.SetFrame(place);
        }
        _fpPlace = FpPlace.Frame;
        StoreFrame(space, thread, in r, place.Frame);
    }

    /// <summary>A kind of call that hardly ever needs the floating-point state no longer comes with it.</summary>
    private void NoteUnusedSave(StubThread thread)
    {
        const int Most = 8;
        if (_fpPlace == FpPlace.Saved && ++_unusedSaves >= Most)
        {
            thread.Memory.SetSaveFor(ulong.MaxValue);
        }
    }

    private void StoreFrame(SystrapAddressSpace space, StubThread thread, in GuestRegisters r, int frameOffset)
    {
        ulong rip = r.Rip;
        if (space.Patches.IsUsed && !StubHas(rip))
        {
            if (!space.Patches.TryGetPhysical(r.Rip, (r.Eflags & TrapFlag) != 0, out rip))
            {
                space.Unpatch(r.Rip);
                rip = r.Rip;
            }
        }
        _handed = r;
        thread.Memory.Store(frameOffset, in r, rip);
        thread.Memory.SetWay(ContextSlot.StateFrame);
    }

    /// <summary>Decides what a trap means to the guest. Signals of no meaning are swallowed by resuming.</summary>
    private TrapMeaning Understand(
        SystrapAddressSpace space, in TrapInfo trap, ref GuestRegisters r, ref FaultInfo fault,
        out SwitchReason reason)
    {
        reason = SwitchReason.Fault;
        ulong rip = r.Rip;
        if (StubHas(rip) && trap.Signal != Signals.SIGSYS)
        {
            Leave(space, ref r);
        }
        switch (trap.Signal)
        {
            case Signals.SIGSYS:
                return AtSystemCall(space, in trap, ref r, ref fault, out reason);
            case Signals.SIGILL when trap.Code == SiKernel:
                return AtUnfilteredCall(ref r, out reason);
            case Signals.SIGSEGV or Signals.SIGBUS or Signals.SIGFPE or Signals.SIGILL or Signals.SIGTRAP:
                return CausedByPatch(space, in trap, rip, ref r) ? TrapMeaning.Resume
                    : AtFault(in trap, rip, r.Rip, ref fault);
            default:
                reason = SwitchReason.Interrupted;
                bool pending = (Volatile.Read(ref _state) & (int)RunState.InterruptPending) != 0;
                return pending ? TrapMeaning.Return : TrapMeaning.Resume;
        }
    }

    private TrapMeaning AtSystemCall(
        SystrapAddressSpace space, in TrapInfo trap, ref GuestRegisters r, ref FaultInfo fault, out SwitchReason reason)
    {
        reason = SwitchReason.SystemCall;
        if (trap.Code != SysSeccomp)
        {
            return TrapMeaning.Resume;
        }
        if (trap.Architecture != Audit.AUDIT_ARCH_X86_64)
        {
            r.Rip -= Int80Bytes;
            fault = GeneralProtectionFault(Int80ErrorCode);
            reason = SwitchReason.Fault;
            return TrapMeaning.Return;
        }
        if (trap.Address - r.Rip == SyscallBytes)
        {
            // The host took the number of the call for one of its restart codes and turned the instruction back.
            r.Rip = trap.Address;
        }
        if ((int)r.Rax != trap.Number)
        {
            // The same, and it answered the call.
            r.Rax = (ulong)trap.Number;
        }
        r.OrigRax = r.Rax;
        TrappedCalls++;
        if (TryGetSite(space, r.Rip, out CallSite site))
        {
            r.Rip = site.Logical((int)(r.Rip % CallSite.TrampolineBytes));
            r.Rcx = r.Rip;
        }
        else if (_platform.Patching != Patching.Off && r.GsBase == 0)
        {
            CountSite(space, in r);
        }
        return TrapMeaning.Return;
    }

    /// <summary>
    /// uretprobe(2) passes every seccomp filter (Linux 6.11 on, kernel/seccomp.c) and answers a caller that is no probe
    /// of the host's with this signal, before it does anything. To the guest it is a call like any other.
    /// </summary>
    private TrapMeaning AtUnfilteredCall(ref GuestRegisters r, out SwitchReason reason)
    {
        reason = SwitchReason.SystemCall;
        r.Rax = SysNr.uretprobe;
        r.OrigRax = SysNr.uretprobe;
        r.Rcx = r.Rip;
        TrappedCalls++;
        return TrapMeaning.Return;
    }

    private static TrapMeaning AtFault(in TrapInfo trap, ulong physical, ulong logical, ref FaultInfo fault)
    {
        if (trap.Code <= 0)
        {
            // Sent by some process: the guest's signals do not come this way.
            return TrapMeaning.Resume;
        }
        fault.Signal = trap.Signal;
        fault.Code = trap.Code;
        ulong address = trap.Address == physical ? logical : trap.Address;
        fault.Address = trap.Code == SiKernel ? 0 : address;
        fault.IsPageFault = trap.Signal == Signals.SIGSEGV && trap.Code != SiKernel;
        fault.TrapNumber = trap.TrapNumber;
        fault.ErrorCode = trap.ErrorCode;
        if (trap.TrapNumber == PageFault)
        {
            bool write = (trap.ErrorCode & ErrorWrite) != 0;
            fault.Access = write ? MemoryAccess.Write : MemoryAccess.Read;
            fault.Access = (trap.ErrorCode & ErrorFetch) != 0 ? MemoryAccess.Execute : fault.Access;
        }
        return TrapMeaning.Return;
    }

    private static FaultInfo GeneralProtectionFault(uint errorCode) => new()
    {
        Signal = Signals.SIGSEGV, Code = SiKernel, TrapNumber = GeneralProtection, ErrorCode = errorCode,
    };
}
