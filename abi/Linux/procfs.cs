using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>The signal in <see cref="ElfPrstatus"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct elf_siginfo", "sys/procfs.h")]
public struct ElfSiginfo
{
    public int si_signo;
    public int si_code;
    public int si_errno;
}

/// <summary>The NT_PRSTATUS note of a core file.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct elf_prstatus", "sys/procfs.h")]
public struct ElfPrstatus
{
    public ElfSiginfo pr_info;
    public short pr_cursig;
    private short _pad0;
    public ulong pr_sigpend;
    public ulong pr_sighold;
    public int pr_pid;
    public int pr_ppid;
    public int pr_pgrp;
    public int pr_sid;
    public Timeval pr_utime;
    public Timeval pr_stime;
    public Timeval pr_cutime;
    public Timeval pr_cstime;
    public UserRegs pr_reg;
    public int pr_fpvalid;
    private int _pad1;
}

/// <summary>The NT_PRPSINFO note of a core file.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct elf_prpsinfo", "sys/procfs.h")]
public struct ElfPrpsinfo
{
    public sbyte pr_state;
    public sbyte pr_sname;
    public sbyte pr_zomb;
    public sbyte pr_nice;
    private uint _pad0;
    public ulong pr_flag;
    public uint pr_uid;
    public uint pr_gid;
    public int pr_pid;
    public int pr_ppid;
    public int pr_pgrp;
    public int pr_sid;
    public Bytes16 pr_fname;
    public Bytes80 pr_psargs;
}
