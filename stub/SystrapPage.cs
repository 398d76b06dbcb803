using System;
using System.Buffers.Binary;
using Abi.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Stub;

/// <summary>
/// The code of a systrap stub process. Two kinds of threads run it: the <em>leader</em>, which never runs guest code,
/// does scripts; <em>context threads</em> run guest code and come here by signals. See platform-systrap's README.
/// </summary>
public sealed partial class SystrapPage
{
    private const int FutexWait = 0;
    private const int FutexWake = 1;

    private readonly Assembler _a = null!;
    private Label _start;
    private Label _firstStage;
    private Label _leader;
    private Label _born;
    private Label _contextStart;
    private Label _handler;
    private Label _restorer;
    private Label _await;
    private Label _give;
    private Label _turned;
    private Label _call;
    private Label _callSaved;
    private Label _callFlags;
    private Label _callSaving;
    private Label _callReady;
    private Label _callGiven;
    private Label _based;
    private Label _end;
    private readonly int _baseBits;

    private SystrapPage(ulong baseAddress)
    {
        _a = new Assembler(64);
        _baseBits = BaseBits(baseAddress);
    }

    private SystrapPage(byte[] code, ReadOnlySpan<int> offsets) => Take(code, offsets);

    /// <summary>The code; to be placed at the start of the layout, readable and executable.</summary>
    public byte[] Code { get; private set; } = [];

    /// <summary>
    /// Where a child that shares the Sentry's memory starts: it forks the master, which becomes a leader, and ends.
    /// </summary>
    public int FirstStageOffset { get; private set; }

    /// <summary>The handler of every signal a stub thread takes.</summary>
    public int HandlerOffset { get; private set; }

    /// <summary>Its restorer (SA_RESTORER).</summary>
    public int RestorerOffset { get; private set; }

    /// <summary>Where trampolines go: the code of a patched call, up to the end of the page's code.</summary>
    public int CallOffset { get; private set; }

    /// <summary>From here on RAX, RSP and the return address of a patched call are in the slot.</summary>
    public int CallSavedOffset { get; private set; }

    /// <summary>From here on the flags are there too.</summary>
    public int CallFlagsOffset { get; private set; }

    /// <summary>From here on all registers are, and RDX is lost otherwise.</summary>
    public int CallSavingOffset { get; private set; }

    /// <summary>From here on the turn has been given to the Sentry.</summary>
    public int CallGivenOffset { get; private set; }

    /// <summary>The end of the code.</summary>
    public int EndOffset { get; private set; }

    /// <summary>Where the code holds what it compares the base address with: 32 bits.</summary>
    public int BaseBitsOffset { get; private set; }

    /// <summary>The page as <see cref="Emit"/> makes it for a base address.</summary>
    public static SystrapPage Prepare(ulong baseAddress)
    {
        var page = new SystrapPage(PreparedCode.Systrap.ToArray(), PreparedCode.SystrapOffsets);
        BinaryPrimitives.WriteInt32LittleEndian(page.Code.AsSpan(page.BaseBitsOffset), -BaseBits(baseAddress));
        return page;
    }

    /// <summary>Emits the page for a base address, which is a multiple of 2^29.</summary>
    public static SystrapPage Emit(ulong baseAddress)
    {
        var page = new SystrapPage(baseAddress);
        page.EmitAll();
        return page;
    }

    private void EmitAll()
    {
        _start = _a.CreateLabel();
        _firstStage = _a.CreateLabel();
        _leader = _a.CreateLabel();
        _born = _a.CreateLabel();
        _contextStart = _a.CreateLabel();
        _handler = _a.CreateLabel();
        _restorer = _a.CreateLabel();
        _await = _a.CreateLabel();
        _give = _a.CreateLabel();
        _turned = _a.CreateLabel();
        _call = _a.CreateLabel();
        _callSaved = _a.CreateLabel();
        _callFlags = _a.CreateLabel();
        _callSaving = _a.CreateLabel();
        _callReady = _a.CreateLabel();
        _callGiven = _a.CreateLabel();
        _based = _a.CreateLabel();
        _end = _a.CreateLabel();
        _a.Label(ref _start);
        _a.nop();
        EmitFirstStage();
        EmitLeader();
        EmitBorn();
        EmitContextStart();
        EmitHandler();
        EmitCallSite();
        EmitAwait();
        EmitTurned();
        _a.Label(ref _end);
        _a.ud2();
        CodeBuilder code = CodeBuilder.Assemble(_a);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code.Bytes.Length, SystrapLayout.CodeBytes);
        Take(code.Bytes,
        [
            code.OffsetOf(_firstStage), code.OffsetOf(_handler), code.OffsetOf(_restorer), code.OffsetOf(_call),
            code.OffsetOf(_callSaved), code.OffsetOf(_callFlags), code.OffsetOf(_callSaving),
            code.OffsetOf(_callGiven), code.OffsetOf(_end), code.OffsetOf(_based) - sizeof(int),
        ]);
    }

    private void Take(byte[] code, ReadOnlySpan<int> offsets)
    {
        Code = code;
        FirstStageOffset = offsets[0];
        HandlerOffset = offsets[1];
        RestorerOffset = offsets[2];
        CallOffset = offsets[3];
        CallSavedOffset = offsets[4];
        CallFlagsOffset = offsets[5];
        CallSavingOffset = offsets[6];
        CallGivenOffset = offsets[7];
        EndOffset = offsets[8];
        BaseBitsOffset = offsets[9];
    }

    private static int BaseBits(ulong baseAddress) => (ushort)(baseAddress >> SystrapLayout.BaseAlignmentBits);

    /// <summary>
    /// A process made without a copy of memory has no rseq registration (rseq(2)), and so none that its child could
    /// inherit and the host would go on using.
    /// </summary>
    private void EmitFirstStage()
    {
        const int Flags = 0x400 | 0x8000 | 0x100000 | Signals.SIGCHLD; // CLONE_FILES, CLONE_PARENT, CLONE_PARENT_SETTID
        Label forked = _a.CreateLabel();
        _a.Label(ref _firstStage);
        EmitLoadCommands();
        _a.mov(edi, Flags);
        _a.xor(esi, esi);
        _a.lea(rdx, __[r15 + CommandSlot.ChildPid]);
        _a.xor(r10d, r10d);
        _a.xor(r8d, r8d);
        EmitCall(SysNr.clone);
        _a.test(rax, rax);
        _a.jz(forked);
        EmitExit();
        _a.Label(ref forked);
        _a.xor(ebp, ebp);
        _a.jmp(_leader);
    }

    /// <summary>Waits for scripts and runs them, for ever. ebp is the sequence number of the last one.</summary>
    private void EmitLeader()
    {
        Label spin = _a.CreateLabel();
        Label run = _a.CreateLabel();
        Label failed = _a.CreateLabel();
        Label ack = _a.CreateLabel();
        Label known = _a.CreateLabel();

        _a.Label(ref _leader);
        EmitLoadCommands();
        EmitReadClock(r12);
        _a.Label(ref spin);
        _a.pause();
        _a.mov(eax, __dword_ptr[r15 + CommandSlot.Sequence]);
        _a.cmp(eax, ebp);
        _a.jne(run);
        EmitCall(SysNr.sched_yield);
        EmitReadClock(rax);
        _a.sub(rax, r12);
        _a.cmp(rax, __qword_ptr[r15 + CommandSlot.SpinCycles]);
        _a.jb(spin);
        _a.mov(rdi, r15);
        _a.xor(esi, esi);
        _a.mov(edx, ebp);
        _a.xor(r10d, r10d);
        EmitCall(SysNr.futex);
        _a.jmp(_leader);

        _a.Label(ref run);
        _a.mov(ebp, eax);
        _a.lea(r12, __[r15 + CommandSlot.Entries]);
        _a.mov(r13d, __dword_ptr[r15 + CommandSlot.Count]);
        _a.xor(r14d, r14d);
        ScriptEmitter.EmitLoop(_a, failed, _born);
        _a.jmp(ack);

        _a.Label(ref failed);               // rax = -errno, r14 = index
        EmitLoadCommands();
        _a.neg(eax);
        _a.cmp(eax, SystrapLayout.Numbers - 1);
        _a.jbe(known);
        _a.mov(eax, (int)Errno.EIO);
        _a.Label(ref known);
        EmitReport(rax, CommandSlot.FailedErrno);
        EmitReport(r14, CommandSlot.FailedIndex);

        _a.Label(ref ack);
        EmitLoadCommands();
        _a.mov(rsi, r15);
        EmitWrite(0);
        _a.cmp(__dword_ptr[r15 + CommandSlot.WantsWake], 0);
        _a.je(_leader);
        _a.lea(rdi, __[r15 + CommandSlot.Ack]);
        EmitWake();
        _a.jmp(_leader);
    }

    /// <summary>
    /// A child of a script: r9, the unused argument, is the context slot of a thread, and 0 in a process.
    /// </summary>
    private void EmitBorn()
    {
        Label failed = _a.CreateLabel();
        _a.Label(ref _born);
        _a.test(r9, r9);
        _a.jnz(_contextStart);
        EmitLoadCommands();
        _a.lea(r12, __[r15 + CommandSlot.ChildEntries]);
        _a.mov(r13d, __dword_ptr[r15 + CommandSlot.ChildCount]);
        _a.xor(r14d, r14d);
        ScriptEmitter.EmitLoop(_a, failed, null);
        _a.xor(ebp, ebp);
        _a.jmp(_leader);
        _a.Label(ref failed);
        EmitExit();
    }

    /// <summary>r15 = the command slot.</summary>
    private void EmitLoadCommands()
    {
        _a.lea(r15, __[_start]);
        _a.add(r15, SystrapLayout.CommandsOffset);
    }

    /// <summary>Writes the number in a register, taken from the constants, at an offset of the slot.</summary>
    private void EmitReport(AssemblerRegister64 number, int offset)
    {
        _a.lea(rsi, __[_start]);
        _a.lea(rsi, __[rsi + (number * 4) + (SystrapLayout.ConstantsOffset + SystrapLayout.NumbersOffset)]);
        EmitWrite(offset - CommandSlot.Ack);
    }

    /// <summary>pwrite(2) of the word at rsi, so many bytes behind the slot's acknowledgement.</summary>
    private void EmitWrite(int offset)
    {
        _a.mov(rdi, __qword_ptr[r15 + CommandSlot.AckFd]);
        _a.mov(edx, sizeof(uint));
        _a.mov(r10, __qword_ptr[r15 + CommandSlot.AckFileOffset]);
        if (offset != 0)
        {
            _a.add(r10, offset);
        }
        EmitCall(SysNr.pwrite64);
    }

    /// <summary>FUTEX_WAKE of one sleeper on the word at rdi.</summary>
    private void EmitWake()
    {
        _a.mov(esi, FutexWake);
        _a.mov(edx, 1);
        EmitCall(SysNr.futex);
    }

    private void EmitCall(int number)
    {
        _a.mov(eax, number);
        _a.syscall();
    }

    private void EmitExit()
    {
        Label again = _a.CreateLabel();
        _a.zero_bytes();                    // the caller's label and ours need an instruction each
        _a.Label(ref again);
        _a.xor(edi, edi);
        EmitCall(SysNr.exit);
        _a.jmp(again);
    }

    /// <summary>The time stamp counter; uses rax and rdx.</summary>
    private void EmitReadClock(AssemblerRegister64 target)
    {
        _a.rdtsc();
        _a.shl(rdx, 32);
        _a.or(rax, rdx);
        if (target != rax)
        {
            _a.mov(target, rax);
        }
    }
}
