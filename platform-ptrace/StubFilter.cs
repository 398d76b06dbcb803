using System.Collections.Generic;
using Abi.Linux;
using static HostOs.ClassicBpf;

namespace Platform.Ptrace;

/// <summary>
/// The seccomp program of every stub process: what the stub page itself calls, nothing else. It is a second wall (the
/// tracer stops system calls of
/// the guest before seccomp sees them), and it is what makes the host trap the legacy vsyscall page instead of
/// answering from it.
/// </summary>
internal static class StubFilter
{
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
}
