using System.Runtime.InteropServices;

namespace Ring0;

/// <summary>Why <see cref="ResidentCode.Switch"/> came back.</summary>
public enum ResidentReason
{
    SystemCall = 1,

    /// <summary>An exception of the guest's, told in its <see cref="GuestState"/>.</summary>
    Exception = 2,

    /// <summary>The bounce interrupt: a signal, a kick, or memory that the host does not have.</summary>
    Bounced = 3,

    /// <summary>The vCPU cannot go on.</summary>
    Failed = 4,
}

/// <summary>
/// What <see cref="ResidentCode"/> keeps of one vCPU, reached over gs in ring 0. The emitted code knows the fields by
/// <see cref="ResidentOffsets"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct ResidentState
{
    /// <summary>Address of the block as the process has it: which vCPU a thread in ring 0 is on.</summary>
    public ulong Self;

    /// <summary>Where the switch goes on in the upper half, and where it comes back to in the lower.</summary>
    public ulong UpperEnter;
    public ulong LowerReturn;

    /// <summary>Top of the stack of the KVM_RUN loop and of signal handlers that interrupt it.</summary>
    public ulong HostStack;

    /// <summary>Address of struct kvm_run, and the vCPU's descriptor.</summary>
    public ulong RunPage;
    public ulong Descriptor;

    /// <summary>The guest block that this vCPU runs, as ring 0 and as the process has it.</summary>
    public ulong GuestUpper;
    public ulong GuestLower;

    /// <summary>Stack pointer of the switch in progress.</summary>
    public ulong SwitchStack;

    /// <summary>FS base of the thread.</summary>
    public ulong ThreadFs;

    /// <summary>
    /// CR3 of the guest; loaded on the way in, where the tables are shared only when <see cref="Forget"/> is set.
    /// </summary>
    public ulong Root;

    /// <summary>Not 0: cached translations are stale.</summary>
    public uint Forget;

    /// <summary>Why ring 0 halted: 1 a host system call, 2 an exception.</summary>
    public uint Reason;

    /// <summary>A switch is in progress: what went wrong can be told.</summary>
    public uint InSwitch;

    /// <summary>KVM_RUN returned EFAULT since this was last cleared.</summary>
    public uint MissingPage;

    /// <summary>Exception in ring 0.</summary>
    public ulong Vector;
    public ulong ErrorCode;
    public ulong Cr2;

    /// <summary>Address that ring 0 wanted and its tables do not map; 0 for none.</summary>
    public ulong WantedAddress;

    /// <summary>State components for XSAVE.</summary>
    public uint FpLow;
    public uint FpHigh;

    /// <summary>MXCSR of ring-0 code.</summary>
    public uint Mxcsr;

    /// <summary>struct kvm_interrupt of the bounce.</summary>
    public uint BounceInterrupt;

    /// <summary>Calls of KVM_RUN, and those ended by signals or for want of memory.</summary>
    public ulong Runs;
    public ulong Interrupted;
    public ulong Faulted;

    /// <summary>Result or exit reason of a KVM_RUN that cannot be gone on from.</summary>
    public ulong Failure;

    /// <summary>
    /// Not 0: somebody wants the next switch to come back at once. Set by any thread, before it interrupts this one.
    /// </summary>
    public uint Kicked;
    private readonly uint _pad0;

    /// <summary>Address of an instruction that ring 0 could not fetch; 0 for none.</summary>
    public ulong WantedCode;

    /// <summary>Registers of ring-0 code on its way to host mode, in the order of <see cref="ResidentOffsets"/>.
    /// </summary>
    public SavedRegisters Saved;
}

/// <summary>All general registers.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SavedRegisters
{
    public ulong Rax;
    public ulong Rbx;
    public ulong Rcx;
    public ulong Rdx;
    public ulong Rsi;
    public ulong Rdi;
    public ulong Rbp;
    public ulong R8;
    public ulong R9;
    public ulong R10;
    public ulong R11;
    public ulong R12;
    public ulong R13;
    public ulong R14;
    public ulong R15;
    public ulong Rsp;
    public ulong Rip;
    public ulong Rflags;
}

/// <summary>Offsets of <see cref="ResidentState"/> from the start of a vCPU's block.</summary>
public static class ResidentOffsets
{
    public const int Self = VcpuBlock.Resident;
    public const int UpperEnter = Self + 0x08;
    public const int LowerReturn = Self + 0x10;
    public const int HostStack = Self + 0x18;
    public const int RunPage = Self + 0x20;
    public const int Descriptor = Self + 0x28;
    public const int GuestUpper = Self + 0x30;
    public const int GuestLower = Self + 0x38;
    public const int SwitchStack = Self + 0x40;
    public const int ThreadFs = Self + 0x48;
    public const int Root = Self + 0x50;
    public const int Forget = Self + 0x58;
    public const int Reason = Self + 0x5c;
    public const int InSwitch = Self + 0x60;
    public const int MissingPage = Self + 0x64;
    public const int Vector = Self + 0x68;
    public const int ErrorCode = Self + 0x70;
    public const int Cr2 = Self + 0x78;
    public const int WantedAddress = Self + 0x80;
    public const int FpLow = Self + 0x88;
    public const int FpHigh = Self + 0x8c;
    public const int Mxcsr = Self + 0x90;
    public const int BounceInterrupt = Self + 0x94;
    public const int Runs = Self + 0x98;
    public const int Interrupted = Self + 0xa0;
    public const int Faulted = Self + 0xa8;
    public const int Failure = Self + 0xb0;
    public const int Kicked = Self + 0xb8;
    public const int WantedCode = Self + 0xc0;
    public const int Saved = Self + 0xc8;
    public const int SavedRsp = Saved + 0x78;
    public const int SavedRip = Saved + 0x80;
    public const int SavedRflags = Saved + 0x88;

    /// <summary>End of the structure.</summary>
    public const int End = Saved + 0x90;
}
