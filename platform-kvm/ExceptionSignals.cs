using System;
using Abi.Linux;

namespace Platform.Kvm;

/// <summary>Exception vectors as the signals Linux makes of them (arch/x86/kernel/traps.c).</summary>
internal static class ExceptionSignals
{
    public const int Debug = 1;
    public const int InvalidOpcode = 6;
    public const int PageFault = 14;

    private const int DivideError = 0;
    private const int Breakpoint = 3;
    private const int SegmentNotPresent = 11;
    private const int StackFault = 12;
    private const int GeneralProtection = 13;
    private const int X87Error = 16;
    private const int AlignmentCheck = 17;
    private const int SimdError = 19;

    private const int SiKernel = 0x80;
    private const int SegvMapErr = 1;
    private const int SegvAccErr = 2;
    private const int FpeIntDiv = 1;
    private const int IllOpn = 2;
    private const int TrapBrkpt = 1;
    private const int TrapTrace = 2;
    private const int BusAdrAln = 1;
    private const int BusAdrErr = 2;

    private const uint ErrorPresent = 1;
    private const uint ErrorWrite = 2;
    private const uint ErrorFetch = 16;
    private const ulong TrapFlag = 0x100;
    private const byte Int1 = 0xf1;

    private const int FcwOffset = 0;
    private const int FswOffset = 2;
    private const int MxcsrOffset = 24;
    private const int MxcsrMaskShift = 7;

    /// <summary>Whether the signal's code depends on the floating-point state.</summary>
    public static bool NeedsFpState(int vector) => vector is X87Error or SimdError;

    /// <summary>A page fault at an address; above the guest's part of the space nothing is ever mapped.</summary>
    public static FaultInfo OfPageFault(ulong address, uint errorCode, ulong maxUserAddress)
    {
        bool present = (errorCode & ErrorPresent) != 0 && address < maxUserAddress;
        MemoryAccess access = (errorCode & ErrorFetch) != 0 ? MemoryAccess.Execute
            : (errorCode & ErrorWrite) != 0 ? MemoryAccess.Write : MemoryAccess.Read;
        return new FaultInfo
        {
            Signal = Signals.SIGSEGV, Code = present ? SegvAccErr : SegvMapErr, Address = address, Access = access,
            IsPageFault = true, TrapNumber = PageFault,
            ErrorCode = present ? errorCode : errorCode & ~ErrorPresent,
        };
    }

    /// <summary>Mapped, but the file has no such page.</summary>
    public static FaultInfo OfMissingPage(ulong address) => new()
    {
        Signal = Signals.SIGBUS, Code = BusAdrErr, Address = address, TrapNumber = PageFault, ErrorCode = 4,
    };

    /// <summary>#GP with an error code, as every thing a guest may not do.</summary>
    public static FaultInfo OfGeneralProtection(uint errorCode) => new()
    {
        Signal = Signals.SIGSEGV, Code = SiKernel, TrapNumber = GeneralProtection, ErrorCode = errorCode,
    };

    /// <summary>
    /// #DB: a step, or an INT1 in front of the instruction pointer. A step over an instruction that clears the trap
    /// flag is one still.
    /// </summary>
    public static FaultInfo OfDebug(in GuestRegisters registers, byte before) => new()
    {
        Signal = Signals.SIGTRAP, Address = registers.Rip, TrapNumber = Debug,
        Code = (registers.Eflags & TrapFlag) == 0 && before == Int1 ? TrapBrkpt : TrapTrace,
    };

    /// <summary>Any other exception.</summary>
    public static FaultInfo Of(int vector, uint errorCode, in GuestRegisters registers, ReadOnlySpan<byte> fpState)
    {
        (int signal, int code, bool hasAddress) = vector switch
        {
            DivideError => (Signals.SIGFPE, FpeIntDiv, true),
            Breakpoint => (Signals.SIGTRAP, SiKernel, false),
            InvalidOpcode => (Signals.SIGILL, IllOpn, true),
            SegmentNotPresent or StackFault => (Signals.SIGBUS, SiKernel, false),
            X87Error => (Signals.SIGFPE, CodeOf(X87Flags(fpState)), true),
            AlignmentCheck => (Signals.SIGBUS, BusAdrAln, false),
            SimdError => (Signals.SIGFPE, CodeOf(SimdFlags(fpState)), true),
            _ => (Signals.SIGSEGV, SiKernel, false),
        };
        return new FaultInfo
        {
            Signal = signal, Code = code, Address = hasAddress ? registers.Rip : 0,
            TrapNumber = (uint)vector, ErrorCode = errorCode,
        };
    }

    private static int X87Flags(ReadOnlySpan<byte> state) =>
        BitConverter.ToUInt16(state[FswOffset..]) & ~BitConverter.ToUInt16(state[FcwOffset..]);

    private static int SimdFlags(ReadOnlySpan<byte> state)
    {
        uint mxcsr = BitConverter.ToUInt32(state[MxcsrOffset..]);
        return (int)(mxcsr & ~(mxcsr >> MxcsrMaskShift));
    }

    /// <summary>FPE_FLTINV, FPE_FLTDIV, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES, in the order Linux looks.</summary>
    private static int CodeOf(int flags) =>
        (flags & 1) != 0 ? 7 : (flags & 4) != 0 ? 3 : (flags & 8) != 0 ? 4 : (flags & 0x12) != 0 ? 5 : 6;
}
