using System.Runtime.InteropServices;

namespace Ring0;

/// <summary>
/// The page of one guest thread, which ring 0 saves to and restores from: general registers as in Linux's
/// <c>user_regs_struct</c> (arch/x86/include/asm/user_64.h), this structure at <see cref="Trap"/>, and an XSAVE area in
/// standard format at <see cref="Fp"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct GuestState
{
    /// <summary>Size of the page; the XSAVE area may take up the rest of it.</summary>
    public const int Bytes = 4096;

    /// <summary>Where this structure lies in the page.</summary>
    public const int Trap = 0x100;

    /// <summary>Where the XSAVE area starts.</summary>
    public const int Fp = 0x200;

    /// <summary>Most that an XSAVE area may take.</summary>
    public const int MaxFpBytes = Bytes - Fp;

    internal const int R15 = 0x00;
    internal const int R14 = 0x08;
    internal const int R13 = 0x10;
    internal const int R12 = 0x18;
    internal const int Rbp = 0x20;
    internal const int Rbx = 0x28;
    internal const int R11 = 0x30;
    internal const int R10 = 0x38;
    internal const int R9 = 0x40;
    internal const int R8 = 0x48;
    internal const int Rax = 0x50;
    internal const int Rcx = 0x58;
    internal const int Rdx = 0x60;
    internal const int Rsi = 0x68;
    internal const int Rdi = 0x70;
    internal const int OrigRax = 0x78;
    internal const int Rip = 0x80;
    internal const int Cs = 0x88;
    internal const int Eflags = 0x90;
    internal const int Rsp = 0x98;
    internal const int Ss = 0xa0;
    internal const int FsBase = 0xa8;
    internal const int GsBase = 0xb0;

    internal const int VectorAt = Trap;
    internal const int ErrorCodeAt = Trap + 4;
    internal const int Cr2At = Trap + 8;
    internal const int FpLiveAt = Trap + 16;

    /// <summary>The exception, after <see cref="ResidentReason.Exception"/>.</summary>
    public uint Vector;
    public uint ErrorCode;
    public ulong Cr2;

    /// <summary>
    /// Not 0: x87 is still in the CPU's registers and only the rest is in the XSAVE area. Ends when ring 0 leaves for
    /// host mode.
    /// </summary>
    public uint FpLive;
}
