using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Requests, options and events of ptrace(2).</summary>
[CHeader("asm/ptrace.h", "linux/ptrace.h")]
public static class Ptrace
{
    // Requests.
    public const int PTRACE_GETREGS = 12;
    public const int PTRACE_SETREGS = 13;
    public const int PTRACE_GETFPREGS = 14;
    public const int PTRACE_SETFPREGS = 15;
    public const int PTRACE_GETFPXREGS = 18;
    public const int PTRACE_SETFPXREGS = 19;
    public const int PTRACE_OLDSETOPTIONS = 21;
    public const int PTRACE_GET_THREAD_AREA = 25;
    public const int PTRACE_SET_THREAD_AREA = 26;
    public const int PTRACE_ARCH_PRCTL = 30;
    public const int PTRACE_SYSEMU = 31;
    public const int PTRACE_SYSEMU_SINGLESTEP = 32;
    public const int PTRACE_SINGLEBLOCK = 33;
    public const int PTRACE_TRACEME = 0;
    public const int PTRACE_PEEKTEXT = 1;
    public const int PTRACE_PEEKDATA = 2;
    public const int PTRACE_PEEKUSR = 3;
    public const int PTRACE_POKETEXT = 4;
    public const int PTRACE_POKEDATA = 5;
    public const int PTRACE_POKEUSR = 6;
    public const int PTRACE_CONT = 7;
    public const int PTRACE_KILL = 8;
    public const int PTRACE_SINGLESTEP = 9;
    public const int PTRACE_ATTACH = 16;
    public const int PTRACE_DETACH = 17;
    public const int PTRACE_SYSCALL = 24;
    public const int PTRACE_SETOPTIONS = 0x4200;
    public const int PTRACE_GETEVENTMSG = 0x4201;
    public const int PTRACE_GETSIGINFO = 0x4202;
    public const int PTRACE_SETSIGINFO = 0x4203;
    public const int PTRACE_GETREGSET = 0x4204;
    public const int PTRACE_SETREGSET = 0x4205;
    public const int PTRACE_SEIZE = 0x4206;
    public const int PTRACE_INTERRUPT = 0x4207;
    public const int PTRACE_LISTEN = 0x4208;
    public const int PTRACE_PEEKSIGINFO = 0x4209;
    public const int PTRACE_GETSIGMASK = 0x420a;
    public const int PTRACE_SETSIGMASK = 0x420b;
    public const int PTRACE_SECCOMP_GET_FILTER = 0x420c;
    public const int PTRACE_SECCOMP_GET_METADATA = 0x420d;
    public const int PTRACE_GET_SYSCALL_INFO = 0x420e;
    public const int PTRACE_SET_SYSCALL_INFO = 0x4212;
    public const int PTRACE_GET_RSEQ_CONFIGURATION = 0x420f;
    public const int PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG = 0x4210;
    public const int PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211;
    public const int PTRACE_EVENTMSG_SYSCALL_ENTRY = 1;
    public const int PTRACE_EVENTMSG_SYSCALL_EXIT = 2;

    // PTRACE_PEEKSIGINFO.
    public const int PTRACE_PEEKSIGINFO_SHARED = 1;

    // Options.
    public const int PTRACE_O_TRACESYSGOOD = 1;
    public const int PTRACE_O_TRACEFORK = 2;
    public const int PTRACE_O_TRACEVFORK = 4;
    public const int PTRACE_O_TRACECLONE = 8;
    public const int PTRACE_O_TRACEEXEC = 0x10;
    public const int PTRACE_O_TRACEVFORKDONE = 0x20;
    public const int PTRACE_O_TRACEEXIT = 0x40;
    public const int PTRACE_O_TRACESECCOMP = 0x80;
    public const int PTRACE_O_EXITKILL = 0x100000;
    public const int PTRACE_O_SUSPEND_SECCOMP = 0x200000;
    public const int PTRACE_O_MASK = 0x3000ff;

    // Events.
    public const int PTRACE_EVENT_FORK = 1;
    public const int PTRACE_EVENT_VFORK = 2;
    public const int PTRACE_EVENT_CLONE = 3;
    public const int PTRACE_EVENT_EXEC = 4;
    public const int PTRACE_EVENT_VFORK_DONE = 5;
    public const int PTRACE_EVENT_EXIT = 6;
    public const int PTRACE_EVENT_SECCOMP = 7;
    public const int PTRACE_EVENT_STOP = 128;

    // PTRACE_GET_SYSCALL_INFO.
    public const byte PTRACE_SYSCALL_INFO_NONE = 0;
    public const byte PTRACE_SYSCALL_INFO_ENTRY = 1;
    public const byte PTRACE_SYSCALL_INFO_EXIT = 2;
    public const byte PTRACE_SYSCALL_INFO_SECCOMP = 3;
}

/// <summary>PTRACE_PEEKSIGINFO.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct ptrace_peeksiginfo_args", "linux/ptrace.h")]
public struct PtracePeeksiginfoArgs
{
    public ulong off;
    public uint flags;
    public int nr;
}

/// <summary>PTRACE_GET_SYSCALL_INFO; <see cref="op"/> selects the member of the union.</summary>
[StructLayout(LayoutKind.Explicit, Size = 88)]
[CType("struct ptrace_syscall_info", "linux/ptrace.h")]
public struct PtraceSyscallInfo
{
    [FieldOffset(0)]
    public byte op;


    /// <summary>Since Linux 6.16.</summary>
    [FieldOffset(2)]
    public ushort flags;

    [FieldOffset(4)]
    public uint arch;

    [FieldOffset(8)]
    public ulong instruction_pointer;

    [FieldOffset(16)]
    public ulong stack_pointer;

    [FieldOffset(24)]
    [CField("entry.nr")]
    public ulong entry_nr;

    [FieldOffset(32)]
    [CField("entry.args")]
    public ULongs6 entry_args;

    [FieldOffset(24)]
    [CField("exit.rval")]
    public long exit_rval;

    [FieldOffset(32)]
    [CField("exit.is_error")]
    public byte exit_is_error;

    [FieldOffset(24)]
    [CField("seccomp.nr")]
    public ulong seccomp_nr;

    [FieldOffset(32)]
    [CField("seccomp.args")]
    public ULongs6 seccomp_args;

    [FieldOffset(80)]
    [CField("seccomp.ret_data")]
    public uint seccomp_ret_data;
}

/// <summary>PTRACE_SECCOMP_GET_METADATA.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct seccomp_metadata", "linux/ptrace.h")]
public struct SeccompMetadata
{
    public ulong filter_off;
    public ulong flags;
}

/// <summary>PTRACE_GET_RSEQ_CONFIGURATION.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct ptrace_rseq_configuration", "linux/ptrace.h")]
public struct PtraceRseqConfiguration
{
    public ulong rseq_abi_pointer;
    public uint rseq_abi_size;
    public uint signature;
    public uint flags;
    public uint pad;
}

/// <summary>PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct ptrace_sud_config", "linux/ptrace.h")]
public struct PtraceSudConfig
{
    public ulong mode;
    public ulong selector;
    public ulong offset;
    public ulong len;
}
