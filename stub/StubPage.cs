using System;
using Abi.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// The code that a ptrace stub process keeps at the top of its address space. It runs only while the Sentry wants it
/// to; guest code that jumps here
/// finds that every SYSCALL is its own emulated one.
/// </summary>
public sealed class StubPage
{
    /// <summary>The code fits one page.</summary>
    public const int MaxBytes = 4096;

    /// <summary>Legacy region plus header of the XSAVE area (SDM vol. 1, 13.4).</summary>
    private const int XSaveHeaderEnd = 576;
    private const int MxcsrOffset = 24;
    private const uint InitialMxcsr = 0x1f80;
    private const int XSaveAlignment = 64;

    private StubPage(byte[] code, ReadOnlySpan<int> offsets)
    {
        Code = code;
        InitializeFpOffset = offsets[0];
        ParkedOffset = offsets[1];
        ScriptOffset = offsets[2];
        SpawnThreadOffset = offsets[3];
        ExitThreadOffset = offsets[4];
    }

    /// <summary>The page as <see cref="Emit"/> makes it.</summary>
    public static StubPage Prepared => new(PreparedCode.Stub.ToArray(), PreparedCode.StubOffsets);

    /// <summary>The code; to be placed at any 64-byte aligned address, readable and executable.</summary>
    public byte[] Code { get; }

    /// <summary>
    /// Puts the floating-point state to its initial value, so that nothing of the Sentry's shows, then INT3.
    /// </summary>
    public int InitializeFpOffset { get; }

    /// <summary>Sleeps for ever, waiting to be stopped by a tracer. A forked child starts here.</summary>
    public int ParkedOffset { get; }

    /// <summary>
    /// Runs the script at r12 from index r14 to count r13, then INT3: r14 entries are done, rax is the last result.
    /// </summary>
    public int ScriptOffset { get; }

    /// <summary>
    /// Makes the system call in rax with arguments in place (clone of a thread): the parent meets INT3 with the
    /// result in rax, the child parks.
    /// </summary>
    public int SpawnThreadOffset { get; }

    /// <summary>Ends the thread.</summary>
    public int ExitThreadOffset { get; }

    /// <summary>Emits the page.</summary>
    public static StubPage Emit()
    {
        var a = new Assembler(64);
        Label initialize = a.CreateLabel();
        Label parked = a.CreateLabel();
        Label script = a.CreateLabel();
        Label spawn = a.CreateLabel();
        Label exit = a.CreateLabel();
        Label stop = a.CreateLabel();
        Label initialFp = a.CreateLabel();

        a.Label(ref initialFp);             // first, so that it has the alignment of the page
        a.db(InitialFpState());

        a.Label(ref initialize);
        a.mov(eax, -1);
        a.mov(edx, -1);
        a.xrstor(__[initialFp]);
        a.int3();

        a.Label(ref parked);
        a.mov(eax, SysNr.pause);
        a.syscall();
        a.jmp(parked);

        a.Label(ref script);
        ScriptEmitter.EmitLoop(a, stop, parked);
        a.Label(ref stop);
        a.int3();
        a.jmp(stop);

        a.Label(ref spawn);
        a.syscall();
        a.test(rax, rax);
        a.jz(parked);
        a.int3();
        a.jmp(parked);

        a.Label(ref exit);
        a.xor(edi, edi);
        a.mov(eax, SysNr.exit);
        a.syscall();
        a.jmp(exit);

        CodeBuilder code = CodeBuilder.Assemble(a);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code.Bytes.Length, MaxBytes);
        return new StubPage(code.Bytes,
        [
            code.OffsetOf(initialize), code.OffsetOf(parked), code.OffsetOf(script), code.OffsetOf(spawn),
            code.OffsetOf(exit),
        ]);
    }

    /// <summary>
    /// An XSAVE area whose XSTATE_BV is 0: XRSTOR then loads the initial state of every component, and MXCSR from the
    /// area.
    /// </summary>
    private static byte[] InitialFpState()
    {
        byte[] area = new byte[(XSaveHeaderEnd + XSaveAlignment - 1) / XSaveAlignment * XSaveAlignment];
        BitConverter.TryWriteBytes(area.AsSpan(MxcsrOffset), InitialMxcsr);
        return area;
    }
}
