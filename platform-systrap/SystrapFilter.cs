using System;
using System.Collections.Generic;
using Abi.Linux;
using Stub;
using static HostOs.ClassicBpf;

namespace Platform.Systrap;

/// <summary>
/// The seccomp programs of stub processes. Whatever is not issued from the code page traps, whatever its number is.
/// From
/// the code page a process may do what its leader needs, and a thread that runs guest code, which could jump there with
/// any registers, only what can hurt nobody but itself: wait, wake, yield, return from a signal.
/// </summary>
internal static class SystrapFilter
{
    private const uint PointerLowOffset = 8;
    private const uint PointerHighOffset = 12;
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

    /// <summary>
    /// For a process; it may write to no other descriptors than <paramref name="commandFd"/> and <paramref
    /// name="patchFd"/>.
    /// </summary>
    public static ulong[] ForProcess(ulong codeBase, int commandFd, int patchFd)
    {
        List<ulong> program = Begin(codeBase);
        AllowAll(program, s_process);
        AllowWith(program, SysNr.pwrite64, 0, (uint)commandFd, (uint)patchFd);
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
        program.Add(Jump(Bpf.BPF_JGT, (uint)codeBase + SystrapLayout.CodeBytes, 0, 1));
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
            program.Add(JumpIfEqual((uint)number, 0, 1));
            program.Add(Return(Seccomp.SECCOMP_RET_ALLOW));
        }
    }

    /// <summary>Allows a call whose 32-bit argument has one of two values, traps it with another.</summary>
    private static void AllowWith(List<ulong> program, int number, uint argument, uint one, uint other)
    {
        const byte Length = 5;
        program.Add(JumpIfEqual((uint)number, 0, Length));
        program.Add(Load(ArgumentsOffset + (argument * sizeof(ulong))));
        program.Add(JumpIfEqual(one, 1, 0));
        program.Add(JumpIfEqual(other, 0, 1));
        program.Add(Return(Seccomp.SECCOMP_RET_ALLOW));
        program.Add(Return(Seccomp.SECCOMP_RET_TRAP));
    }

    private static void Require(List<ulong> program, int test, uint value)
    {
        program.Add(Jump(test, value, 1, 0));
        program.Add(Return(Seccomp.SECCOMP_RET_TRAP));
    }
}
