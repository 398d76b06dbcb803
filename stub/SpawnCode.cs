using System;
using Abi.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// Forks without a C library or managed code in the child. Two C-callable functions:
/// <c>long spawn(clone_args*, size, ScriptEntry*, count, reportFd)</c>: the child runs the script, which should end
/// in an exec; if an entry fails it
/// writes {int32 index, int32 errno} to the descriptor and exits with 127 (126 when the script ended without an exec).
/// <c>long fork_to(clone_args*, size, address)</c>: the child jumps to the address.
/// Both return the child's id or a negative errno in the parent.
/// </summary>
public sealed class SpawnCode
{
    /// <summary>Exit status of a child whose script failed.</summary>
    public const int FailedStatus = 127;

    /// <summary>Exit status of a child whose script ended without replacing it.</summary>
    public const int EndedStatus = 126;

    private SpawnCode(byte[] code, ReadOnlySpan<int> offsets)
    {
        Code = code;
        SpawnOffset = offsets[0];
        ForkToOffset = offsets[1];
    }

    /// <summary>Both functions as <see cref="Emit"/> makes them.</summary>
    public static SpawnCode Prepared => new(PreparedCode.Spawn.ToArray(), PreparedCode.SpawnOffsets);

    public byte[] Code { get; }

    public int SpawnOffset { get; }

    public int ForkToOffset { get; }

    /// <summary>Emits both functions.</summary>
    public static SpawnCode Emit()
    {
        var a = new Assembler(64);
        Label spawn = a.CreateLabel();
        Label forkTo = a.CreateLabel();

        a.Label(ref spawn);
        EmitSpawn(a);

        a.Label(ref forkTo);
        Label child = a.CreateLabel();
        a.mov(r8, rdx);                     // survives SYSCALL, unlike rcx and r11
        a.mov(eax, SysNr.clone3);
        a.syscall();
        a.test(rax, rax);
        a.jz(child);
        a.ret();
        a.Label(ref child);
        a.jmp(r8);

        CodeBuilder code = CodeBuilder.Assemble(a);
        return new SpawnCode(code.Bytes, [code.OffsetOf(spawn), code.OffsetOf(forkTo)]);
    }

    private static void EmitSpawn(Assembler a)
    {
        Label child = a.CreateLabel();
        Label failed = a.CreateLabel();
        a.push(r12);
        a.push(r13);
        a.push(r14);
        a.push(r15);
        a.mov(r12, rdx);
        a.mov(r13, rcx);
        a.xor(r14d, r14d);
        a.mov(r15, r8);
        a.mov(eax, SysNr.clone3);
        a.syscall();
        a.test(rax, rax);
        a.jz(child);
        a.pop(r15);
        a.pop(r14);
        a.pop(r13);
        a.pop(r12);
        a.ret();

        a.Label(ref child);
        ScriptEmitter.EmitLoop(a, failed, null);
        EmitExit(a, EndedStatus);

        a.Label(ref failed);                // rax = -errno (or 0), r14 = index
        a.neg(eax);
        a.shl(rax, 32);
        a.or(rax, r14);
        a.push(rax);
        a.mov(edi, r15d);
        a.mov(rsi, rsp);
        a.mov(edx, 8);
        a.mov(eax, SysNr.write);
        a.syscall();
        EmitExit(a, FailedStatus);
    }

    private static void EmitExit(Assembler a, int status)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(edi, status);
        a.mov(eax, SysNr.exit_group);
        a.syscall();
        a.jmp(again);
    }
}
