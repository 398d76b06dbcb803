using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Markers of the extended FP state in a signal frame.</summary>
[CHeader("asm/sigcontext.h")]
public static class XState
{
    public const uint FP_XSTATE_MAGIC1 = 0x46505853;
    public const uint FP_XSTATE_MAGIC2 = 0x46505845;

    public const int FP_XSTATE_MAGIC2_SIZE = 4;
}

/// <summary>The last 48 bytes of the FXSAVE image in a signal frame: they say whether an XSAVE image follows.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct _fpx_sw_bytes", "asm/sigcontext.h")]
public struct FpxSwBytes
{
    public uint magic1;
    public uint extended_size;
    public ulong xfeatures;
    public uint xstate_size;
    public UInts7 padding;
}

/// <summary>The FXSAVE image (SDM volume 1, 10.5.1) with Linux's use of its software bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct _fpstate", "asm/sigcontext.h")]
public struct FpState
{
    public ushort cwd;
    public ushort swd;
    public ushort twd;
    public ushort fop;
    public ulong rip;
    public ulong rdp;
    public uint mxcsr;
    public uint mxcsr_mask;
    public UInts32 st_space;
    public UInts64 xmm_space;
    public UInts12 reserved2;
    public FpxSwBytes sw_reserved;
}

/// <summary>The XSAVE header, SDM volume 1, 13.4.2. The compaction mask is the first reserved word.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct _header", "asm/sigcontext.h")]
public struct XStateHeader
{
    public ulong xfeatures;
    public ULongs2 reserved1;
    public ULongs5 reserved2;
}

/// <summary>High halves of the YMM registers.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct _ymmh_state", "asm/sigcontext.h")]
public struct YmmhState
{
    public UInts64 ymmh_space;
}

/// <summary>The XSAVE image up to AVX, standard format.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct _xstate", "asm/sigcontext.h")]
public struct XStateImage
{
    public FpState fpstate;
    public XStateHeader xstate_hdr;
    public YmmhState ymmh;
}

/// <summary>Registers in a signal frame.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sigcontext", "asm/sigcontext.h")]
public struct SigContext
{
    public ulong r8;
    public ulong r9;
    public ulong r10;
    public ulong r11;
    public ulong r12;
    public ulong r13;
    public ulong r14;
    public ulong r15;
    public ulong rdi;
    public ulong rsi;
    public ulong rbp;
    public ulong rbx;
    public ulong rdx;
    public ulong rax;
    public ulong rcx;
    public ulong rsp;
    public ulong rip;
    public ulong eflags;
    public ushort cs;
    public ushort gs;
    public ushort fs;
    public ushort ss;
    public ulong err;
    public ulong trapno;
    public ulong oldmask;
    public ulong cr2;

    /// <summary>Address of a <see cref="FpState"/>; 0 without FP context.</summary>
    public ulong fpstate;
    public ULongs8 reserved1;
}
