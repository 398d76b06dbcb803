using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;sys/ptrace.h&gt;</c>. Every request must come from the thread that attached.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostPtrace
{
    public const int PeekData = 2;
    public const int PokeData = 5;
    public const int Cont = 7;
    public const int Kill = 8;
    public const int GetRegs = 12;
    public const int SetRegs = 13;
    public const int Detach = 17;
    public const int SysEmu = 31;
    public const int SetOptions = 0x4200;
    public const int GetEventMessage = 0x4201;
    public const int GetSigInfo = 0x4202;
    public const int GetRegSet = 0x4204;
    public const int SetRegSet = 0x4205;
    public const int Seize = 0x4206;
    public const int Interrupt = 0x4207;
    public const int SetSigMask = 0x420b;
    public const int GetSyscallInfo = 0x420e;
    public const int GetRseqConfiguration = 0x420f;

    public const int OptionSysGood = 1;
    public const int OptionTraceFork = 2;
    public const int OptionTraceClone = 8;
    public const int OptionTraceExit = 0x40;
    public const int OptionExitKill = 0x100000;

    public const int EventFork = 1;
    public const int EventClone = 3;
    public const int EventStop = 128;

    /// <summary>Register set of the XSAVE area (linux/elf.h).</summary>
    public const int NtX86XState = 0x202;

    /// <summary>
    /// A request that returns at once and does not make the garbage collector wait noticeably. Address and data as
    /// ptrace(2) says.
    /// </summary>
    public static Errno Request(int request, int threadId, nint address, nint data) =>
        HostSyscall.ToErrno(HostSyscall.InvokeFast(N.ptrace, request, threadId, address, data));

    /// <summary>A request whose positive result matters (PTRACE_GET_SYSCALL_INFO: bytes available).</summary>
    public static Errno Request(int request, int threadId, nint address, nint data, out long result) =>
        HostSyscall.Split(HostSyscall.InvokeFast(N.ptrace, request, threadId, address, data), out result);

    /// <summary>PTRACE_PEEKDATA by the raw call: the word arrives in memory.</summary>
    public static Errno Peek(int threadId, ulong address, out ulong word)
    {
        // SAFETY: the kernel writes 8 bytes of a local.
        ulong value = 0;
        long r = HostSyscall.InvokeFast(N.ptrace, PeekData, threadId, (nint)address, (nint)(&value));
        word = value;
        return HostSyscall.ToErrno(r);
    }
}
