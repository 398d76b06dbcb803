using System;
using Abi.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// Accesses to memory that may fault, and the SIGSEGV/SIGBUS handler that makes them return instead. C-callable:
/// <c>size copy(to, from, n)</c> and <c>size clear(to, n)</c> return the bytes not done;
/// <c>int load32(address, out)</c>, <c>int store32(address, value)</c>, <c>int cas32(address, expected, desired,
/// observed)</c> and
/// <c>int cas64(...)</c> return 0 or EFAULT.
/// A writable page must follow the code page: the handler finds there, at <c>8 * signal</c>, the handler that was
/// installed before it.
/// </summary>
public sealed class SafeCopyCode
{
    /// <summary>Where the page of previous handlers starts, from the start of the code.</summary>
    public const int HandlersOffset = 4096;

    /// <summary>si_code in siginfo_t; positive when the kernel raised the signal.</summary>
    private const int SiCode = 8;

    /// <summary>Rip in ucontext_t: uc_mcontext at 40, gregs[16].</summary>
    private const int UcontextRip = 40 + (16 * 8);

    private Label _start;
    private Label _bulkStart;
    private Label _bulkEnd;
    private Label _bulkFixup;
    private Label _wordStart;
    private Label _wordEnd;
    private Label _wordFixup;
    private Label _handler;
    private Label _restorer;
    private Label _copy;
    private Label _clear;
    private Label _load32;
    private Label _store32;
    private Label _cas32;
    private Label _cas64;

    private SafeCopyCode()
    {
    }

    public byte[] Code { get; private set; } = [];

    public int CopyOffset { get; private set; }

    public int ClearOffset { get; private set; }

    public int Load32Offset { get; private set; }

    public int Store32Offset { get; private set; }

    public int Cas32Offset { get; private set; }

    public int Cas64Offset { get; private set; }

    /// <summary>A signal handler for SIGSEGV and SIGBUS with SA_SIGINFO.</summary>
    public int HandlerOffset { get; private set; }

    /// <summary>The restorer that goes with it (SA_RESTORER).</summary>
    public int RestorerOffset { get; private set; }

    /// <summary>All functions as <see cref="Emit"/> makes them.</summary>
    public static SafeCopyCode Prepared
    {
        get
        {
            var prepared = new SafeCopyCode();
            prepared.Take(PreparedCode.SafeCopy.ToArray(), PreparedCode.SafeCopyOffsets);
            return prepared;
        }
    }

    /// <summary>Emits all functions.</summary>
    public static SafeCopyCode Emit()
    {
        var emitted = new SafeCopyCode();
        var a = new Assembler(64);
        emitted.CreateLabels(a);
        a.Label(ref emitted._start);
        a.zero_bytes();                     // a label needs an instruction of its own
        emitted.EmitBulk(a);
        emitted.EmitWords(a);
        emitted.EmitHandler(a);
        CodeBuilder code = CodeBuilder.Assemble(a);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code.Bytes.Length, HandlersOffset);
        emitted.Take(code.Bytes,
        [
            code.OffsetOf(emitted._copy), code.OffsetOf(emitted._clear), code.OffsetOf(emitted._load32),
            code.OffsetOf(emitted._store32), code.OffsetOf(emitted._cas32), code.OffsetOf(emitted._cas64),
            code.OffsetOf(emitted._handler), code.OffsetOf(emitted._restorer),
        ]);
        return emitted;
    }

    private void Take(byte[] code, ReadOnlySpan<int> offsets)
    {
        Code = code;
        CopyOffset = offsets[0];
        ClearOffset = offsets[1];
        Load32Offset = offsets[2];
        Store32Offset = offsets[3];
        Cas32Offset = offsets[4];
        Cas64Offset = offsets[5];
        HandlerOffset = offsets[6];
        RestorerOffset = offsets[7];
    }

    private void CreateLabels(Assembler a)
    {
        _start = a.CreateLabel();
        _bulkStart = a.CreateLabel();
        _bulkEnd = a.CreateLabel();
        _bulkFixup = a.CreateLabel();
        _wordStart = a.CreateLabel();
        _wordEnd = a.CreateLabel();
        _wordFixup = a.CreateLabel();
        _handler = a.CreateLabel();
        _restorer = a.CreateLabel();
        _copy = a.CreateLabel();
        _clear = a.CreateLabel();
        _load32 = a.CreateLabel();
        _store32 = a.CreateLabel();
        _cas32 = a.CreateLabel();
        _cas64 = a.CreateLabel();
    }

    /// <summary>
    /// REP string instructions keep rcx exact at a fault (SDM vol. 2, REP), so what is left needs no computing.
    /// </summary>
    private void EmitBulk(Assembler a)
    {
        a.Label(ref _copy);
        a.mov(rcx, rdx);
        a.Label(ref _bulkStart);
        a.rep.movsb();
        a.Label(ref _bulkFixup);
        a.mov(rax, rcx);
        a.ret();

        a.Label(ref _clear);
        a.mov(rcx, rsi);
        a.xor(eax, eax);
        a.rep.stosb();
        a.mov(rax, rcx);
        a.ret();
        a.Label(ref _bulkEnd);
        a.nop();
    }

    private void EmitWords(Assembler a)
    {
        a.Label(ref _wordStart);
        a.nop();

        a.Label(ref _load32);
        a.mov(eax, __dword_ptr[rdi]);
        a.mov(__dword_ptr[rsi], eax);
        a.xor(eax, eax);
        a.ret();

        a.Label(ref _store32);
        a.mov(__dword_ptr[rdi], esi);
        a.xor(eax, eax);
        a.ret();

        a.Label(ref _cas32);
        a.mov(eax, esi);
        a.@lock.cmpxchg(__dword_ptr[rdi], edx);
        a.mov(__dword_ptr[rcx], eax);
        a.xor(eax, eax);
        a.ret();

        a.Label(ref _cas64);
        a.mov(rax, rsi);
        a.@lock.cmpxchg(__qword_ptr[rdi], rdx);
        a.mov(__qword_ptr[rcx], rax);
        a.xor(eax, eax);
        a.ret();

        a.Label(ref _wordEnd);
        a.nop();
        a.Label(ref _wordFixup);
        a.mov(eax, (int)Errno.EFAULT);
        a.ret();
    }

    /// <summary>handler(rdi = signal, rsi = siginfo, rdx = ucontext).</summary>
    private void EmitHandler(Assembler a)
    {
        Label chain = a.CreateLabel();
        Label byDefault = a.CreateLabel();
        Label defaultAction = a.CreateLabel();

        a.Label(ref _handler);
        a.cmp(__dword_ptr[rsi + SiCode], 0);
        a.jle(chain);                       // sent by a process: no fault of ours
        a.mov(rax, __qword_ptr[rdx + UcontextRip]);
        EmitRangeCheck(a, ref _bulkStart, ref _bulkEnd, ref _bulkFixup);
        EmitRangeCheck(a, ref _wordStart, ref _wordEnd, ref _wordFixup);

        a.Label(ref chain);
        a.lea(r11, __[_start]);
        a.mov(rax, __qword_ptr[r11 + (rdi * 8) + HandlersOffset]);
        a.cmp(rax, (int)Signals.SIG_IGN);
        a.jbe(byDefault);
        a.jmp(rax);

        a.Label(ref byDefault);             // the instruction faults again and the kernel ends the process
        a.mov(eax, SysNr.rt_sigaction);
        a.lea(rsi, __[defaultAction]);
        a.xor(edx, edx);
        a.mov(r10d, sizeof(ulong));
        a.syscall();
        a.ret();

        a.Label(ref _restorer);
        a.mov(eax, SysNr.rt_sigreturn);
        a.syscall();

        a.Label(ref defaultAction);
        a.db(new byte[32]);
    }

    /// <summary>Rip in rax within [start, end): continue at the fix-up instead.</summary>
    private static void EmitRangeCheck(Assembler a, ref Label start, ref Label end, ref Label fixup)
    {
        Label outside = a.CreateLabel();
        a.lea(r10, __[start]);
        a.cmp(rax, r10);
        a.jb(outside);
        a.lea(r10, __[end]);
        a.cmp(rax, r10);
        a.jae(outside);
        a.lea(rax, __[fixup]);
        a.mov(__qword_ptr[rdx + UcontextRip], rax);
        a.ret();
        a.Label(ref outside);
        a.zero_bytes();
    }
}
