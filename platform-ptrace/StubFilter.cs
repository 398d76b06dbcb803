using System.Collections.Generic;
using Abi.Linux;

namespace Platform.Ptrace;

/// <summary>
/// The seccomp program of every stub process: what the stub page itself calls, nothing else. It is a second wall (the
/// tracer stops system calls of
/// the guest before seccomp sees them), and it is what makes the host trap the legacy vsyscall page instead of
/// answering from it.
/// </summary>
internal static class StubFilter
{
    private const uint NumberOffset = 0;
    private const uint ArchOffset = 4;

    private static readonly int[] s_allowed =
    [
        SysNr.mmap, SysNr.munmap, SysNr.mprotect, SysNr.clone, SysNr.exit, SysNr.pause, SysNr.prctl,
    ];

    /// <summary>
    /// The calls that live in the vsyscall page (arch/x86/entry/vsyscall/vsyscall_64.c); no stub code makes them.
    /// </summary>
    private static readonly int[] s_trapped = [SysNr.gettimeofday, SysNr.time, SysNr.getcpu];

    /// <summary>The instructions, each struct sock_filter as one word.</summary>
    public static ulong[] Assemble()
    {
        var program = new List<ulong>
        {
            Load(ArchOffset),
            JumpIfEqual(Audit.AUDIT_ARCH_X86_64, 1, 0),
            Return(Seccomp.SECCOMP_RET_KILL_PROCESS),
            Load(NumberOffset),
        };
        foreach (int number in s_allowed)
        {
            program.Add(JumpIfEqual((uint)number, 0, 1));
            program.Add(Return(Seccomp.SECCOMP_RET_ALLOW));
        }
        foreach (int number in s_trapped)
        {
            program.Add(JumpIfEqual((uint)number, 0, 1));
            program.Add(Return(Seccomp.SECCOMP_RET_TRAP));
        }
        program.Add(Return(Seccomp.SECCOMP_RET_KILL_PROCESS));
        return [.. program];
    }

    private static ulong Load(uint offset) => Encode(Bpf.BPF_LD | Bpf.BPF_W | Bpf.BPF_ABS, 0, 0, offset);

    private static ulong JumpIfEqual(uint value, byte whenEqual, byte otherwise) =>
        Encode(Bpf.BPF_JMP | Bpf.BPF_JEQ | Bpf.BPF_K, whenEqual, otherwise, value);

    private static ulong Return(uint action) => Encode(Bpf.BPF_RET | Bpf.BPF_K, 0, 0, action);

    /// <summary>struct sock_filter: code, jt, jf, k.</summary>
    private static ulong Encode(int code, byte whenTrue, byte whenFalse, uint k) =>
        (ushort)code | ((ulong)whenTrue << 16) | ((ulong)whenFalse << 24) | ((ulong)k << 32);
}
