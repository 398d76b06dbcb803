using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>Running guest code: in the common case SETREGS, SYSEMU, wait4, GETREGS and nothing else.</summary>
internal sealed partial class PtraceContext
{
    private const int SiKernel = 0x80;
    private const int SysSeccomp = 1;
    private const uint GeneralProtection = 13;

    /// <summary>Error code of the #GP that INT n raises where n is not for users: vector, and the IDT bit.</summary>
    private const uint Int80ErrorCode = (0x80 << 3) | 2;
    private const int Int80Bytes = 2;

    /// <summary>What one stop of the stub thread means.</summary>
    private enum StopMeaning
    {
        Return,
        Resume,
    }

    public SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault)
    {
        fault = default;
        _switches++;
        LastCpu = HostSched.GetCpu();
        _gatherer.Note();
        var space = (PtraceAddressSpace)addressSpace;
        if (!Bind(space) || !LoadFpState() || !space.Enter(this))
        {
            return SwitchReason.Dead;
        }
        SwitchReason reason = SwitchReason.Interrupted;
        if (Interlocked.CompareExchange(ref _state, (int)RunState.Running, 0) == 0)
        {
            reason = Run(ref fault);
        }
        Interlocked.Exchange(ref _state, 0);
        space.Leave();
        return reason;
    }

    private SwitchReason Run(ref FaultInfo fault)
    {
        _fpPlace = FpPlace.Stub;
        Sanitize(ref _registers.Value);
        Errno error = Tracing.SetRegisters(_tid, _registers);
        if (error == Errno.EIO)
        {
            // A base or selector the host refuses, which the CPU would have refused too.
            fault = GeneralProtectionFault(0);
            return SwitchReason.Fault;
        }
        while (error == Errno.None)
        {
            error = Tracing.Resume(_tid, HostPtrace.SysEmu);
            if (error != Errno.None || !Tracing.Wait(_tid, out int status) || !Tracing.IsStop(status))
            {
                break;
            }
            if (Understand(status >> 8, ref fault, out SwitchReason reason) == StopMeaning.Return)
            {
                return reason;
            }
        }
        Bury();
        return SwitchReason.Dead;
    }

    /// <summary>Decides what a stop means to the guest. Signals of no meaning are swallowed by resuming.</summary>
    private StopMeaning Understand(int stop, ref FaultInfo fault, out SwitchReason reason)
    {
        reason = SwitchReason.SystemCall;
        switch (stop)
        {
            case Tracing.SyscallStop:
                return ReadRegisters() ? AtSystemCall(ref fault, out reason) : Died(out reason);
            case Signals.SIGSEGV or Signals.SIGBUS or Signals.SIGFPE or Signals.SIGILL or Signals.SIGTRAP:
                return AtFault(stop, ref fault, out reason);
            case Signals.SIGSYS:
                return AtVsyscall(out reason);
            case Tracing.InterruptSignal:
                if ((Volatile.Read(ref _state) & (int)RunState.InterruptPending) == 0)
                {
                    return StopMeaning.Resume;
                }
                reason = SwitchReason.Interrupted;
                return ReadRegisters() ? StopMeaning.Return : Died(out reason);
            default:
                return StopMeaning.Resume;
        }
    }

    private StopMeaning AtSystemCall(ref FaultInfo fault, out SwitchReason reason)
    {
        ref GuestRegisters r = ref _registers.Value;
        r.Rax = r.OrigRax;
        reason = SwitchReason.SystemCall;

        // SYSCALL leaves the return address in rcx and the flags in r11 (SDM vol. 2); INT 0x80 and SYSENTER do not.
        bool bySyscall = r.Rcx == r.Rip && r.R11 == r.Eflags;
        if (!bySyscall && Tracing.SyscallArchitecture(_tid) != Audit.AUDIT_ARCH_X86_64)
        {
            r.Rip -= Int80Bytes;
            r.OrigRax = ulong.MaxValue;
            fault = GeneralProtectionFault(Int80ErrorCode);
            reason = SwitchReason.Fault;
        }
        return StopMeaning.Return;
    }

    private StopMeaning AtFault(int signal, ref FaultInfo fault, out SwitchReason reason)
    {
        reason = SwitchReason.Fault;
        if (Tracing.GetSignal(_tid, out int code, out ulong address, out _) != Errno.None)
        {
            return Died(out reason);
        }
        if (code <= 0)
        {
            // Sent by some process: the guest's signals do not come this way.
            return StopMeaning.Resume;
        }
        if (!ReadRegisters())
        {
            return Died(out reason);
        }
        fault.Signal = signal;
        fault.Code = code;
        fault.Address = code == SiKernel ? 0 : address;
        fault.IsPageFault = signal == Signals.SIGSEGV && code != SiKernel;
        if (fault.IsPageFault)
        {
            fault.Access = AttemptedAccess(address, code);
        }
        FaultDetails.Fill(ref fault);
        return StopMeaning.Return;
    }

    /// <summary>
    /// What a page fault was about, from the instruction at Rip. Where that is not known, a refused access is taken for
    /// a write: translations without any access are rare, and a wrong guess must not make the guest fault for ever.
    /// </summary>
    private MemoryAccess AttemptedAccess(ulong address, int code)
    {
        const int Word = sizeof(ulong);
        ref GuestRegisters r = ref _registers.Value;
        // Two words hold prefixes, opcode and ModRM; a fault near Rip needs the whole instruction.
        bool near = unchecked(address - r.Rip) < FaultDecoder.MaxInstructionBytes;
        Span<byte> bytes = stackalloc byte[near ? 3 * Word : 2 * Word];
        ulong start = r.Rip & ~(ulong)(Word - 1);
        int count = 0;
        while (count < bytes.Length && HostPtrace.Peek(_tid, start + (ulong)count, out ulong word) == Errno.None)
        {
            BitConverter.TryWriteBytes(bytes[count..], word);
            count += Word;
        }
        int skipped = int.Min((int)(r.Rip - start), count);
        MemoryAccess access = FaultDecoder.Classify(bytes[skipped..count], in r, address);
        return access == MemoryAccess.None && code == FaultDetails.SegvAccErr ? MemoryAccess.Write : access;
    }

    /// <summary>
    /// The vsyscall page: our seccomp filter turns its calls into SIGSYS, after the host has made the return to the
    /// caller. For the guest that is a
    /// system call like another.
    /// </summary>
    private StopMeaning AtVsyscall(out SwitchReason reason)
    {
        reason = SwitchReason.SystemCall;
        if (Tracing.GetSignal(_tid, out int code, out _, out int number) != Errno.None)
        {
            return Died(out reason);
        }
        if (code != SysSeccomp)
        {
            return StopMeaning.Resume;
        }
        if (!ReadRegisters())
        {
            return Died(out reason);
        }
        ref GuestRegisters r = ref _registers.Value;
        r.Rax = (ulong)number;
        r.OrigRax = r.Rax;
        return StopMeaning.Return;
    }

    private bool ReadRegisters()
    {
        return Tracing.GetRegisters(_tid, _registers) == Errno.None;
    }

    private StopMeaning Died(out SwitchReason reason)
    {
        Bury();
        reason = SwitchReason.Dead;
        return StopMeaning.Return;
    }

    /// <summary>
    /// Gives the stub thread the floating-point state if only the area has it. False when the stub thread is gone.
    /// </summary>
    private bool LoadFpState()
    {
        if (_fpPlace != FpPlace.Area)
        {
            return true;
        }
        _fpPlace = FpPlace.Both;
        if (_fpArea.Store(_tid) == Errno.None)
        {
            return true;
        }
        Bury();
        return false;
    }

    private static FaultInfo GeneralProtectionFault(uint errorCode) => new()
    {
        Signal = Signals.SIGSEGV, Code = SiKernel, TrapNumber = GeneralProtection, ErrorCode = errorCode,
    };

    /// <summary>
    /// Selectors: the flat 64-bit ones unless the guest has chosen 32-bit code itself; never anything privileged. The
    /// host must not take the stop
    /// for the end of a system call.
    /// </summary>
    private static void Sanitize(ref GuestRegisters r)
    {
        r.OrigRax = ulong.MaxValue;
        if (r.Cs != Tracing.UserCs32)
        {
            r.Cs = Tracing.UserCs;
        }
        r.Ss = Tracing.UserSs;
        r.Ds = UserSelector(r.Ds);
        r.Es = UserSelector(r.Es);
        r.Fs = UserSelector(r.Fs);
        r.Gs = UserSelector(r.Gs);
    }

    private static ulong UserSelector(ulong selector) => (selector & 3) == 3 ? selector & 0xffff : 0;
}
