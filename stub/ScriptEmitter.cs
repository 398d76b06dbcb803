using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// The loop that both <see cref="StubPage"/> and <see cref="SpawnCode"/> run a script with. No stack, no memory but
/// the script.
/// </summary>
internal static class ScriptEmitter
{
    /// <summary>Results in [-4095, -1] are errnos (the kernel's MAX_ERRNO).</summary>
    private const int LowestErrno = -4095;

    /// <summary>
    /// Emits: run entries from r12 on until index r14 reaches r13. Falls through when all are done (r14 == r13); jumps
    /// to <paramref name="failed"/> with r14 at the failing entry and rax its result. With a
    /// <paramref name="parked"/> label, threads made by <see cref="ScriptFlags.ChildParks"/> go there, and rbx and r15
    /// are used too.
    /// </summary>
    public static void EmitLoop(Assembler a, Label failed, Label? parked)
    {
        Label loop = a.CreateLabel();
        Label judge = a.CreateLabel();
        Label next = a.CreateLabel();
        Label done = a.CreateLabel();

        a.zero_bytes();                     // the caller's label and ours need an instruction each
        a.Label(ref loop);
        a.cmp(r14, r13);
        a.jae(done);
        if (parked is not null)
        {
            // A new thread decides by this register: the script's memory may be another by the time it runs.
            a.mov(rbx, __[r12 + Offset(nameof(ScriptEntry.Flags))]);
        }
        EmitCall(a);
        a.cmp(rax, LowestErrno);
        a.jae(judge);                       // unsigned: only an errno is that large
        if (parked is not null)
        {
            EmitClone(a, parked.Value);
        }
        a.test(rax, rax);
        a.jnz(next);
        a.test(__byte_ptr[r12 + Offset(nameof(ScriptEntry.Flags))], (int)ScriptFlags.ZeroIsFailure);
        a.jnz(failed);
        a.jmp(next);

        a.Label(ref judge);
        a.test(__byte_ptr[r12 + Offset(nameof(ScriptEntry.Flags))], (int)ScriptFlags.IgnoreError);
        a.jz(failed);

        a.Label(ref next);
        a.add(r12, ScriptEntry.Bytes);
        a.inc(r14);
        a.jmp(loop);

        a.Label(ref done);
        a.zero_bytes();
    }

    private static void EmitCall(Assembler a)
    {
        a.mov(rax, __[r12 + Offset(nameof(ScriptEntry.Number))]);
        a.mov(rdi, __[r12 + Offset(nameof(ScriptEntry.A0))]);
        a.mov(rsi, __[r12 + Offset(nameof(ScriptEntry.A1))]);
        a.mov(rdx, __[r12 + Offset(nameof(ScriptEntry.A2))]);
        a.mov(r10, __[r12 + Offset(nameof(ScriptEntry.A3))]);
        a.mov(r8, __[r12 + Offset(nameof(ScriptEntry.A4))]);
        a.mov(r9, __[r12 + Offset(nameof(ScriptEntry.A5))]);
        a.syscall();
    }

    private static void EmitClone(Assembler a, Label parked)
    {
        Label other = a.CreateLabel();
        a.test(ebx, (int)ScriptFlags.ChildParks);
        a.jz(other);
        a.test(rax, rax);
        a.jz(parked);
        a.mov(r15, rax);
        a.Label(ref other);
        a.zero_bytes();
    }

    private static int Offset(string field) => (int)Marshal.OffsetOf<ScriptEntry>(field);
}
