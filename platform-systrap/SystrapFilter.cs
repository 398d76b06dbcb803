using System;
using System.Collections.Generic;
using Abi.Linux;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// The seccomp programs of stub processes. Whatever is not issued from the code page traps, whatever its number is.
/// From
/// the code page a process may do what its leader needs, and a thread that runs guest code, which could jump there with
/// any registers, only what can hurt nobody but itself: wait, wake, yield, return from a signal.
/// </summary>
internal static class SystrapFilter
{
    private const uint NumberOffset = 0;
    private const uint ArchOffset = 4;
    private const uint PointerLowOffset = 8;
    private const uint PointerHighOffset = 12;
    private const uint ArgumentsOffset = 16;
    private const uint SyscallBytes = 2;
    private const uint FutexWait = 0;
    private const uint FutexWake = 1;

    /// <summary>The only calls of a leader and of threads and processes that have just been made.</summary>
    private static readonly int[] s_process =
    [
        SysNr.sched_yield, SysNr.mmap, SysNr.munmap, SysNr.mprotect, SysNr.clone, SysNr.exit, SysNr.prctl,
        SysNr.sigaltstack, SysNr.seccomp, SysNr.rt_sigreturn,
    ];

    private static readonly int[] s_thread = [SysNr.rt_sigreturn, SysNr.sched_yield];

    /// <summary>For a process; <paramref name="commandFd"/> is the only descriptor it may write to.</summary>
    public static ulong[] ForProcess(ulong codeBase, int commandFd)
    {
        List<ulong> program = Begin(codeBase);
        AllowAll(program, s_process);
        AllowWith(program, SysNr.pwrite64, 0, (uint)commandFd, (uint)commandFd);
        return End(program);
    }

    /// <summary>On top of that, for a thread that runs guest code.</summary>
    public static ulong[] ForThread(ulong codeBase)
    {
        List<ulong> program = Begin(codeBase);
        AllowAll(program, s_thread);
        return End(program);
    }

    /// <summary>
    /// A call counts if it is a 64-bit one and its instruction lies wholly in the code page; the address the filter
    /// sees
    /// is that behind the instruction.
    /// </summary>
    private static List<ulong> Begin(ulong codeBase)
    {
        List<ulong> program = [Load(ArchOffset)];
        Require(program, Bpf.BPF_JEQ, Audit.AUDIT_ARCH_X86_64);
        program.Add(Load(PointerHighOffset));
        Require(program, Bpf.BPF_JEQ, (uint)(codeBase >> 32));
        program.Add(Load(PointerLowOffset));
        Require(program, Bpf.BPF_JGE, (uint)codeBase + SyscallBytes);
        program.Add(Encode(Bpf.BPF_JMP | Bpf.BPF_JGT | Bpf.BPF_K, 0, 1, (uint)codeBase + SystrapLayout.CodeBytes));
        program.Add(Return(Seccomp.SECCOMP_RET_TRAP));
        program.Add(Load(NumberOffset));
        return program;
    }

    private static ulong[] End(List<ulong> program)
    {
        AllowWith(program, SysNr.futex, 1, FutexWait, FutexWake);
        program.Add(Return(Seccomp.SECCOMP_RET_TRAP));
        return [.. program];
    }

    private static void AllowAll(List<ulong> program, ReadOnlySpan<int> numbers)
    {
        foreach (int number in numbers)
        {
            program.Add(Encode(Bpf.BPF_JMP | Bpf.BPF_JEQ | Bpf.BPF_K, 0, 1, (uint)number));
            program.Add(Return(Seccomp.SECCOMP_RET_ALLOW));
        }
    }

    /// <summary>Allows a call whose 32-bit argument has one of two values, traps it with another.</summary>
    private static void AllowWith(List<ulong> program, int number, uint argument, uint one, uint other)
    {
        const byte Length = 5;
        program.Add(Encode(Bpf.BPF_JMP | Bpf.BPF_JEQ | Bpf.BPF_K, 0, Length, (uint)number));
        program.Add(Load(ArgumentsOffset + (argument * sizeof(ulong))));
        program.Add(Encode(Bpf.BPF_JMP | Bpf.BPF_JEQ | Bpf.BPF_K, 1, 0, one));
        program.Add(Encode(Bpf.BPF_JMP | Bpf.BPF_JEQ | Bpf.BPF_K, 0, 1, other));
        program.Add(Return(Seccomp.SECCOMP_RET_ALLOW));
        program.Add(Return(Seccomp.SECCOMP_RET_TRAP));
    }

    private static void Require(List<ulong> program, int test, uint value)
    {
        program.Add(Encode(Bpf.BPF_JMP | test | Bpf.BPF_K, 1, 0, value));
        program.Add(Return(Seccomp.SECCOMP_RET_TRAP));
    }

    private static ulong Load(uint offset) => Encode(Bpf.BPF_LD | Bpf.BPF_W | Bpf.BPF_ABS, 0, 0, offset);

    private static ulong Return(uint action) => Encode(Bpf.BPF_RET | Bpf.BPF_K, 0, 0, action);

    /// <summary>struct sock_filter: code, jt, jf, k.</summary>
    private static ulong Encode(int code, byte whenTrue, byte whenFalse, uint k) =>
        (ushort)code | ((ulong)whenTrue << 16) | ((ulong)whenFalse << 24) | ((ulong)k << 32);
}
