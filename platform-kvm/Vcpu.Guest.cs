using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Ring0;
using K = Abi.Linux.Kvm;

namespace Platform.Kvm;

/// <summary>Why guest code stopped running.</summary>
internal enum RunOutcome
{
    SystemCall,

    /// <summary>An exception of the guest's, in <see cref="GuestTrap"/>.</summary>
    Exception,

    /// <summary>A signal came, or somebody kicked.</summary>
    Kicked,

    /// <summary>The host has no memory behind a page that the guest's tables map.</summary>
    MissingPage,

    /// <summary>The vCPU cannot go on.</summary>
    Failed,
}

/// <summary>An exception as the CPU reports it.</summary>
internal struct GuestTrap
{
    public int Vector;
    public uint ErrorCode;
    public ulong Cr2;
}

/// <summary>Running guest code: registers in, KVM_RUN, registers out.</summary>
internal sealed partial class Vcpu
{
    /// <summary>CF PF AF ZF SF TF DF OF NT RF AC ID: what a program may set (SDM vol. 1, 3.4.3).</summary>
    private const ulong UserFlags = 0x254dd5;
    private const ulong FixedFlags = 0x202;

    private long _exits;

    /// <summary>How often <see cref="RunGuest"/> left the virtual machine because of what the guest did. Any
    /// thread.</summary>
    public long Exits => Volatile.Read(ref _exits);

    /// <summary>Runs guest code with these registers until something happens, and leaves them as they then
    /// are.</summary>
    public RunOutcome RunGuest(ref GuestRegisters registers, out GuestTrap trap)
    {
        trap = default;
        Load(in registers);
        while (true)
        {
            Errno error = HostIoctl.Ioctl(_fd.Value, K.KVM_RUN, 0, out _);
            _exits += error is Errno.EINTR or Errno.EAGAIN ? 0 : 1;
            bool inUser = Run.sregs.cs.dpl == 3;
            if (error is Errno.EINTR or Errno.EAGAIN)
            {
                if (!inUser || Run.exception_injected != 0 || Run.regs.rip == _systemCallEntry)
                {
                    // On its way into ring 0: let it arrive there, it is only a step. Where ring 0 is emulated, SYSCALL
                    // has gone to its entry still in ring 3 and is yet to fault there.
                    Run.immediate_exit = 0;
                    continue;
                }
                Store(ref registers);
                return RunOutcome.Kicked;
            }
            if (error == Errno.EFAULT && inUser)
            {
                Store(ref registers);
                return RunOutcome.MissingPage;
            }
            bool halted = error == Errno.None && Run.exit_reason == K.KVM_EXIT_HLT;
            if (!halted || !_code.TryGetVector(Run.regs.rip, out trap.Vector))
            {
                Failure = $"KVM_RUN: {error}, exit {Run.exit_reason}, "
                    + $"rip {Run.regs.rip:x}, cs {Run.sregs.cs.selector:x}";
                return RunOutcome.Failed;
            }
            return trap.Vector == DescriptorTables.Vectors
                ? AtSystemCall(ref registers, Run.regs.rsp)
                : AtException(ref registers, ref trap);
        }
    }

    /// <summary>What went wrong, after <see cref="RunOutcome.Failed"/>.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>SYSCALL has left the return address in rcx and the flags in r11 (SDM vol. 2, SYSCALL).</summary>
    private RunOutcome AtSystemCall(ref GuestRegisters registers, ulong rsp)
    {
        ulong flags = Run.regs.r11;
        Store(ref registers);
        registers.Rip = registers.Rcx;
        registers.Rsp = rsp;
        registers.Eflags = flags;
        registers.Cs = DescriptorTables.UserCode;
        registers.Ss = DescriptorTables.UserData;
        return RunOutcome.SystemCall;
    }

    private RunOutcome AtException(ref GuestRegisters registers, ref GuestTrap trap)
    {
        ulong at = Run.regs.rsp;
        if (TrapFrame.HasErrorCode(trap.Vector))
        {
            trap.ErrorCode = (uint)WordAt(at);
            at += sizeof(ulong);
        }
        trap.Cr2 = Run.sregs.cr2;
        Store(ref registers);
        registers.Rip = WordAt(at);
        registers.Cs = WordAt(at + (1 * sizeof(ulong)));
        registers.Eflags = WordAt(at + (2 * sizeof(ulong)));
        registers.Rsp = WordAt(at + (3 * sizeof(ulong)));
        registers.Ss = WordAt(at + (4 * sizeof(ulong)));
        if (trap.Vector == ExceptionSignals.PageFault && registers.Rip == _systemCallEntry &&
            trap.Cr2 == _systemCallEntry)
        {
            // Where ring 0 is emulated, SYSCALL goes to IA32_LSTAR still in ring 3, or in ring 0 if the emulator made
            // it; either way rcx, r11 and rsp are as they should be, and nothing is mapped there.
            trap.Vector = DescriptorTables.Vectors;
            return AtSystemCall(ref registers, registers.Rsp);
        }
        if ((registers.Cs & 3) != 3)
        {
            Failure = $"exception {trap.Vector} in ring 0 at {registers.Rip:x}, cr2 {trap.Cr2:x}";
            return RunOutcome.Failed;
        }
        return RunOutcome.Exception;
    }

    private ulong WordAt(ulong upper) =>
        BitConverter.ToUInt64(_area.BytesAt(_area.PhysicalOfUpper(upper), sizeof(ulong)));

    private void Load(in GuestRegisters r)
    {
        ref KvmRun run = ref Run;
        run.regs = new KvmRegs
        {
            rax = r.Rax, rbx = r.Rbx, rcx = r.Rcx, rdx = r.Rdx, rsi = r.Rsi, rdi = r.Rdi, rsp = r.Rsp, rbp = r.Rbp,
            r8 = r.R8, r9 = r.R9, r10 = r.R10, r11 = r.R11, r12 = r.R12, r13 = r.R13, r14 = r.R14, r15 = r.R15,
            rip = r.Rip, rflags = (r.Eflags & UserFlags) | FixedFlags,
        };
        bool is32 = r.Cs == DescriptorTables.UserCode32;
        run.sregs.cs = Segment(is32 ? DescriptorTables.UserCode32 : DescriptorTables.UserCode, CodeSegment, 3);
        run.sregs.cs.l = (byte)(is32 ? 0 : 1);
        run.sregs.cs.db = (byte)(is32 ? 1 : 0);
        run.sregs.ss = Segment(DescriptorTables.UserData, DataSegment, 3);
        run.sregs.fs.@base = r.FsBase;
        run.sregs.gs.@base = r.GsBase;
        run.kvm_dirty_regs = K.KVM_SYNC_X86_REGS | K.KVM_SYNC_X86_SREGS;
    }

    private void Store(ref GuestRegisters r)
    {
        ref KvmRegs from = ref Run.regs;
        r.Rax = from.rax;
        r.Rbx = from.rbx;
        r.Rcx = from.rcx;
        r.Rdx = from.rdx;
        r.Rsi = from.rsi;
        r.Rdi = from.rdi;
        r.Rsp = from.rsp;
        r.Rbp = from.rbp;
        r.R8 = from.r8;
        r.R9 = from.r9;
        r.R10 = from.r10;
        r.R11 = from.r11;
        r.R12 = from.r12;
        r.R13 = from.r13;
        r.R14 = from.r14;
        r.R15 = from.r15;
        r.Rip = from.rip;
        r.Eflags = from.rflags;
        r.Cs = Run.sregs.cs.selector;
        r.Ss = Run.sregs.ss.selector;
        r.FsBase = Run.sregs.fs.@base;
        r.GsBase = Run.sregs.gs.@base;
    }
}
