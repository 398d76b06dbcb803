using System.Runtime.InteropServices;

namespace Platform;

/// <summary>
/// General registers of a guest thread, laid out as Linux's x86-64 <c>user_regs_struct</c>
/// (arch/x86/include/asm/user_64.h),
/// so that PTRACE_GETREGS and core dumps need no translation. 216 bytes.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct GuestRegisters
{
    public ulong R15;
    public ulong R14;
    public ulong R13;
    public ulong R12;
    public ulong Rbp;
    public ulong Rbx;
    public ulong R11;
    public ulong R10;
    public ulong R9;
    public ulong R8;
    public ulong Rax;
    public ulong Rcx;
    public ulong Rdx;
    public ulong Rsi;
    public ulong Rdi;

    /// <summary>System-call number at the last system call; all ones otherwise.</summary>
    public ulong OrigRax;
    public ulong Rip;
    public ulong Cs;
    public ulong Eflags;
    public ulong Rsp;
    public ulong Ss;
    public ulong FsBase;
    public ulong GsBase;
    public ulong Ds;
    public ulong Es;
    public ulong Fs;
    public ulong Gs;
}
