using Abi.Linux;

namespace Platform.Stubs;

/// <summary>
/// What a signal frame wants to know and ptrace does not tell: the trap behind a signal (arch/x86/kernel/traps.c).
/// </summary>
internal static class FaultDetails
{
    /// <summary>si_code of SIGSEGV: a translation is there but does not allow the access.</summary>
    public const int SegvAccErr = 2;

    private const int SiKernel = 0x80;
    private const int FpeIntDiv = 1;
    private const int TrapBrkpt = 1;
    private const int BusAdrAln = 1;

    private const uint DivideError = 0;
    private const uint Debug = 1;
    private const uint Breakpoint = 3;
    private const uint InvalidOpcode = 6;
    private const uint GeneralProtection = 13;
    private const uint PageFault = 14;
    private const uint X87Error = 16;
    private const uint AlignmentCheck = 17;

    private const uint ErrorPresent = 1;
    private const uint ErrorWrite = 2;
    private const uint ErrorUser = 4;
    private const uint ErrorFetch = 16;

    /// <summary>Fills trap number and error code from signal and code.</summary>
    public static void Fill(ref FaultInfo fault)
    {
        fault.TrapNumber = fault.Signal switch
        {
            Signals.SIGFPE => fault.Code == FpeIntDiv ? DivideError : X87Error,
            Signals.SIGILL => InvalidOpcode,
            Signals.SIGTRAP => fault.Code is SiKernel or TrapBrkpt ? Breakpoint : Debug,
            Signals.SIGBUS => fault.Code == BusAdrAln ? AlignmentCheck : PageFault,
            _ => fault.IsPageFault ? PageFault : GeneralProtection,
        };
        if (fault.TrapNumber == PageFault)
        {
            fault.ErrorCode = ErrorUser | (fault.Code == SegvAccErr ? ErrorPresent : 0);
            fault.ErrorCode |= fault.Access == MemoryAccess.Write ? ErrorWrite : 0;
            fault.ErrorCode |= fault.Access == MemoryAccess.Execute ? ErrorFetch : 0;
        }
    }
}
