using System;
using System.Runtime.CompilerServices;
using System.Threading;
using Abi.Linux;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>What a signal frame says of the trap, copied out once.</summary>
internal struct TrapInfo
{
    public int Signal;
    public int Code;
    public ulong Address;
    public int Number;
    public uint Architecture;
    public uint TrapNumber;
    public uint ErrorCode;
}

/// <summary>
/// One context slot as the Sentry sees it (<see cref="ContextSlot"/>). Guest code may change every byte of it at any
/// time: values are copied out once, and no offset or length is taken from it.
/// </summary>
// SAFETY: the address is that of a slot of ContextSlot's layout, mapped as long as the platform lives; offsets are
// constants or come from a FrameLayout, which was checked when it was made.
internal readonly unsafe struct ContextMemory
{
    private const uint AutoDisarm = 1u << 31;
    private const ushort UserCs = 0x33;
    private const ushort UserCs32 = 0x23;
    private const ushort UserSs = 0x2b;
    private const ulong FrameFlags = UcFlags.UC_SIGCONTEXT_SS | UcFlags.UC_STRICT_RESTORE_SS;

    /// <summary>Offset of a frame for a thread that has never been interrupted.</summary>
    private const int FirstFrame = SystrapLayout.ContextBytes / 2;

    private readonly byte* _slot;
    private readonly ulong _stubAddress;

    /// <summary>GS base that a thread has whose guest has none.</summary>
    private readonly ulong _hiddenGs;

    public ContextMemory(nint address, ulong stubAddress, Patching patching)
    {
        _slot = (byte*)address;
        _stubAddress = stubAddress;
        _hiddenGs = patching == Patching.Off ? 0 : stubAddress;
    }

    /// <summary>Address of the turn word here, a futex.</summary>
    public nint TurnAddress => (nint)_slot;

    /// <summary>Whose turn it is, according to the stub.</summary>
    public int Turn => Volatile.Read(ref *(int*)(_slot + ContextSlot.Turn));

    /// <summary>Whether the stub thread says that it sleeps.</summary>
    public bool StubSleeps => Volatile.Read(ref *(int*)(_slot + ContextSlot.StubSleeps)) != 0;

    /// <summary>The id the kernel gave the stub thread.</summary>
    public int ThreadId => Volatile.Read(ref *(int*)(_slot + ContextSlot.ThreadId));

    /// <summary>How long the stub thread spins for its next turn, and how long it looks out, all in all.</summary>
    public void SetLookOut(ulong spinCycles, ulong yieldCycles)
    {
        *(ulong*)(_slot + ContextSlot.SpinCycles) = spinCycles;
        *(ulong*)(_slot + ContextSlot.YieldCycles) = yieldCycles;
    }

    /// <summary>How long it spins before it yields.</summary>
    public void SetSpinCycles(ulong value) => Volatile.Write(ref *(ulong*)(_slot + ContextSlot.SpinCycles), value);

    /// <summary>The CPU the stub thread was on when it last began to wait, according to it.</summary>
    public int StubCpu => *(int*)(_slot + ContextSlot.StubCpu);

    /// <summary>Says on which CPU the Sentry's thread is.</summary>
    public void SetSentryCpu(int cpu) => *(int*)(_slot + ContextSlot.SentryCpu) = cpu;

    /// <summary>Where the thread's state is, according to the stub: one of <see cref="ContextSlot"/>'s
    /// values.</summary>
    public int State => Volatile.Read(ref *(int*)(_slot + ContextSlot.State));

    /// <summary>Gives the turn away, with a full fence.</summary>
    public void GiveTurn(int turn) => Interlocked.Exchange(ref *(int*)(_slot + ContextSlot.Turn), turn);

    /// <summary>Says how the stub thread shall go on.</summary>
    public void SetWay(int way) => *(int*)(_slot + ContextSlot.Way) = way;

    /// <summary>Says whether our side sleeps, with a full fence.</summary>
    public void SetSentrySleeps(int value) =>
        Interlocked.Exchange(ref *(int*)(_slot + ContextSlot.SentrySleeps), value);

    /// <summary>Fills a new slot, before there is a thread.</summary>
    public void Initialize()
    {
        SetLookOut(Waiting.SpinCycles, Waiting.YieldCycles);
        *(SigAltStack*)(_slot + ContextSlot.AltStack) = SignalStack();
        SetSaveFor(ulong.MaxValue);
        ClearAnswers();
    }

    /// <summary>Says which patched calls shall come with the floating-point state.</summary>
    public void SetSaveFor(ulong number) => *(ulong*)(_slot + ContextSlot.SaveFor) = number;

    /// <summary>Says which frame the stub thread shall return from.</summary>
    public void SetFrame(FrameLayout layout) =>
        *(ulong*)(_slot + ContextSlot.Frame) = _stubAddress + (ulong)layout.Frame;

    /// <summary>Has the stub thread make sched_yield(2) by itself.</summary>
    public void SetYields() => Volatile.Write(ref *(ulong*)(_slot + ContextSlot.Yields), SysNr.sched_yield);

    /// <summary>Has no call answered in the stub.</summary>
    public void ClearAnswers()
    {
        Volatile.Write(ref *(ulong*)(_slot + ContextSlot.Yields), ulong.MaxValue);
        for (int i = 0; i < ContextSlot.AnswerCount; i++)
        {
            // No number that is looked for at this place ends like this one.
            Volatile.Write(ref *(ulong*)(_slot + AnswerAt(i)), ~(ulong)i);
        }
    }

    /// <summary>How many calls have been answered in the stub, according to it.</summary>
    public long Answered
    {
        get => *(long*)(_slot + ContextSlot.Answered);
        set => *(long*)(_slot + ContextSlot.Answered) = value;
    }

    /// <summary>Has a call answered in the stub.</summary>
    public void SetAnswer(int number, ulong value)
    {
        int at = AnswerAt(number & (ContextSlot.AnswerCount - 1));
        Volatile.Write(ref *(ulong*)(_slot + at), ulong.MaxValue);
        Volatile.Write(ref *(ulong*)(_slot + at + sizeof(ulong)), value);
        Volatile.Write(ref *(ulong*)(_slot + at), (uint)number);
    }

    /// <summary>Copies the registers of a patched call out. RIP is the address to return to in the
    /// trampoline.</summary>
    public void LoadCall(ref GuestRegisters r)
    {
        r = *(GuestRegisters*)(_slot + ContextSlot.Registers);
        r.OrigRax = r.Rax;
        r.Cs = UserCs;
        r.Ss = UserSs;
        r.GsBase = 0;
        r.Ds = r.Es = r.Fs = r.Gs = 0;
    }

    /// <summary>The same of a call that had not got as far as giving the turn: what the stub needs itself.</summary>
    public void LoadBegun(ref GuestRegisters r, bool flags, bool all)
    {
        GuestRegisters* begun = (GuestRegisters*)(_slot + ContextSlot.Registers);
        r.Rax = begun->Rax;
        r.Rsp = begun->Rsp;
        r.R11 = begun->Rip;
        r.Eflags = flags ? begun->Eflags : r.Eflags;
        r.Rdx = all ? begun->Rdx : r.Rdx;
    }

    /// <summary>Sets what a patched call changes.</summary>
    public void StoreResult(in GuestRegisters r)
    {
        GuestRegisters* call = (GuestRegisters*)(_slot + ContextSlot.Registers);
        call->Rax = r.Rax;
        call->Rcx = r.Rcx;
        call->R11 = r.R11;
    }

    /// <summary>Makes a frame without floating-point state, to find the layout with.</summary>
    public void PrepareFirstFrame(ulong signalMask) => PrepareFrame(FirstFrame, signalMask);

    /// <summary>Makes a whole frame, with the initial floating-point state.</summary>
    public void PrepareFrame(FrameLayout layout, ulong signalMask)
    {
        PrepareFrame(layout.Frame, signalMask);
        ref RtSigframe frame = ref *(RtSigframe*)(_slot + layout.Frame);
        frame.uc.uc_flags |= UcFlags.UC_FP_XSTATE;
        frame.uc.uc_mcontext.fpstate = _stubAddress + (ulong)layout.Fp;
    }

    /// <summary>Where the kernel put the last frame; only a stub that never ran guest code may be asked.</summary>
    public Errno LearnLayout(out FrameLayout? layout)
    {
        layout = null;
        ulong frame = *(ulong*)(_slot + ContextSlot.Frame) - _stubAddress;
        if (frame is < ContextSlot.Stack or > SystrapLayout.ContextBytes || frame + (ulong)sizeof(RtSigframe) >
            SystrapLayout.ContextBytes)
        {
            return Errno.EOPNOTSUPP;
        }
        ulong fp = ((RtSigframe*)(_slot + frame))->uc.uc_mcontext.fpstate - _stubAddress;
        if (fp < frame || fp > SystrapLayout.ContextBytes - FpFormat.MinBytes)
        {
            return Errno.EOPNOTSUPP;
        }
        FpxSwBytes software = ((FpState*)(_slot + fp))->sw_reserved;
        uint maskOfMxcsr = ((FpState*)(_slot + fp))->mxcsr_mask;
        if (software.magic1 != XState.FP_XSTATE_MAGIC1 || software.xstate_size < FpFormat.MinBytes ||
            fp + software.extended_size > SystrapLayout.ContextBytes ||
            ContextSlot.PreparedFp + software.extended_size > frame)
        {
            return Errno.EOPNOTSUPP;
        }
        var format = new FpFormat((int)software.xstate_size, software.xfeatures, maskOfMxcsr);
        layout = FrameLayout.Create((int)frame, (int)fp, in software, format);
        return Errno.None;
    }

    /// <summary>Copies the floating-point state out.</summary>
    public void ReadFp(FrameLayout layout, Span<byte> state)
    {
        new ReadOnlySpan<byte>(_slot + layout.Fp, layout.Format.Bytes).CopyTo(state);
        FpxSwBytes none = default;
        new ReadOnlySpan<byte>(&none, sizeof(FpxSwBytes)).CopyTo(state[FpFormat.SoftwareOffset..]);
        BitConverter.TryWriteBytes(state[FpFormat.SoftwareOffset..], layout.Software.xfeatures);

        // As the kernel says of its frames: XSAVE writes these two whether they are in use or not, and who changes them
        // need not know of the header.
        FpFormat.MarkLegacy(state);
    }

    /// <summary>Writes the floating-point state as the kernel wants it in a frame.</summary>
    public void WriteFp(FrameLayout layout, ReadOnlySpan<byte> state)
    {
        byte* area = _slot + layout.Fp;
        state[..layout.Format.Bytes].CopyTo(new Span<byte>(area, layout.Format.Bytes));
        ((FpState*)area)->sw_reserved = layout.Software;
        *(uint*)(area + layout.Format.Bytes) = XState.FP_XSTATE_MAGIC2;
    }

    /// <summary>Writes general registers into the frame, with another instruction pointer.</summary>
    public void Store(int frameOffset, in GuestRegisters r, ulong rip)
    {
        ref SigContext c = ref ((RtSigframe*)(_slot + frameOffset))->uc.uc_mcontext;
        c.r8 = r.R8;
        c.r9 = r.R9;
        c.r10 = r.R10;
        c.r11 = r.R11;
        c.r12 = r.R12;
        c.r13 = r.R13;
        c.r14 = r.R14;
        c.r15 = r.R15;
        c.rdi = r.Rdi;
        c.rsi = r.Rsi;
        c.rbp = r.Rbp;
        c.rbx = r.Rbx;
        c.rdx = r.Rdx;
        c.rax = r.Rax;
        c.rcx = r.Rcx;
        c.rsp = r.Rsp;
        c.rip = rip;
        c.eflags = r.Eflags;
        c.cs = r.Cs == UserCs32 ? UserCs32 : UserCs;
        c.ss = UserSs;
        *(ulong*)(_slot + ContextSlot.FsBase) = r.FsBase;
        *(ulong*)(_slot + ContextSlot.GsBase) = r.GsBase == 0 ? _hiddenGs : r.GsBase;
    }

    /// <summary>Copies general registers and the description of the trap out of the frame.</summary>
    public void Load(FrameLayout layout, ref GuestRegisters r, out TrapInfo trap)
    {
        RtSigframe* frame = (RtSigframe*)(_slot + layout.Frame);
        ref SigContext c = ref frame->uc.uc_mcontext;
        r.R8 = c.r8;
        r.R9 = c.r9;
        r.R10 = c.r10;
        r.R11 = c.r11;
        r.R12 = c.r12;
        r.R13 = c.r13;
        r.R14 = c.r14;
        r.R15 = c.r15;
        r.Rdi = c.rdi;
        r.Rsi = c.rsi;
        r.Rbp = c.rbp;
        r.Rbx = c.rbx;
        r.Rdx = c.rdx;
        r.Rax = c.rax;
        r.Rcx = c.rcx;
        r.Rsp = c.rsp;
        r.Rip = c.rip;
        r.Eflags = c.eflags;
        r.Cs = c.cs;
        r.Ss = c.ss;
        r.FsBase = *(ulong*)(_slot + ContextSlot.FsBase);
        ulong gs = *(ulong*)(_slot + ContextSlot.GsBase);
        r.GsBase = gs == _hiddenGs ? 0 : gs;
        r.OrigRax = ulong.MaxValue;
        trap.Signal = frame->info.si_signo;
        trap.Code = frame->info.si_code;
        trap.Address = frame->info.si_addr;
        trap.Number = frame->info.si_syscall;
        trap.Architecture = frame->info.si_arch;
        trap.TrapNumber = (uint)c.trapno;
        trap.ErrorCode = (uint)c.err;
    }

    private static int AnswerAt(int index) => ContextSlot.Answers + (index * ContextSlot.AnswerBytes);

    private SigAltStack SignalStack() => new()
    {
        ss_sp = _stubAddress + ContextSlot.Stack,
        ss_flags = unchecked((int)AutoDisarm),
        ss_size = SystrapLayout.ContextBytes - ContextSlot.Stack,
    };

    private void PrepareFrame(int offset, ulong signalMask)
    {
        ref RtSigframe frame = ref *(RtSigframe*)(_slot + offset);
        frame = default;
        frame.uc.uc_flags = FrameFlags;
        frame.uc.uc_stack = SignalStack();
        frame.uc.uc_sigmask = signalMask;
        *(ulong*)(_slot + ContextSlot.Frame) = _stubAddress + (ulong)offset;
    }
}
