using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>uc_flags of <see cref="UContext"/>.</summary>
[CHeader("asm/signal.h", "asm/sigcontext.h", "asm/ucontext.h")]
public static class UcFlags
{
    public const ulong UC_FP_XSTATE = 0x1;
    public const ulong UC_SIGCONTEXT_SS = 0x2;
    public const ulong UC_STRICT_RESTORE_SS = 0x4;
}

/// <summary>ucontext_t as the kernel writes it into a signal frame.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct ucontext", "asm/signal.h", "asm/sigcontext.h", "asm/ucontext.h")]
public struct UContext
{
    public ulong uc_flags;
    public ulong uc_link;
    public SigAltStack uc_stack;
    public SigContext uc_mcontext;
    public ulong uc_sigmask;
}

/// <summary>
/// What the kernel pushes for a handler, arch/x86/include/asm/sigframe.h; the FP state lies above it.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct rt_sigframe", "asm/sigframe.h")]
public struct RtSigframe
{
    public ulong pretcode;
    public UContext uc;
    public SigInfo info;
}
