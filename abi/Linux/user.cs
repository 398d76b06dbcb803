using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>General registers of PTRACE_GETREGS and NT_PRSTATUS.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct user_regs_struct", "sys/user.h")]
public struct UserRegs
{
    public ulong r15;
    public ulong r14;
    public ulong r13;
    public ulong r12;
    public ulong rbp;
    public ulong rbx;
    public ulong r11;
    public ulong r10;
    public ulong r9;
    public ulong r8;
    public ulong rax;
    public ulong rcx;
    public ulong rdx;
    public ulong rsi;
    public ulong rdi;
    public ulong orig_rax;
    public ulong rip;
    public ulong cs;
    public ulong eflags;
    public ulong rsp;
    public ulong ss;
    public ulong fs_base;
    public ulong gs_base;
    public ulong ds;
    public ulong es;
    public ulong fs;
    public ulong gs;
}

/// <summary>PTRACE_GETFPREGS: the FXSAVE image.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct user_fpregs_struct", "sys/user.h")]
public struct UserFpregs
{
    public ushort cwd;
    public ushort swd;
    public ushort ftw;
    public ushort fop;
    public ulong rip;
    public ulong rdp;
    public uint mxcsr;
    public uint mxcr_mask;
    public UInts32 st_space;
    public UInts64 xmm_space;
    public UInts24 padding;
}

/// <summary>The area that PTRACE_PEEKUSER addresses.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct user", "sys/user.h")]
public struct UserArea
{
    public UserRegs regs;
    public int u_fpvalid;
    private int _pad0;
    public UserFpregs i387;
    public ulong u_tsize;
    public ulong u_dsize;
    public ulong u_ssize;
    public ulong start_code;
    public ulong start_stack;
    public long signal;
    public int reserved;
    private int _pad1;
    public ulong u_ar0;
    public ulong u_fpstate;
    public ulong magic;
    public Bytes32 u_comm;
    public ULongs8 u_debugreg;
}
