namespace Stub;

/// <summary>
/// Where things are in a systrap stub process, from the base address on: the code page, a page of constants, the
/// command slot, the trampolines of patched call sites (all out of the guest's reach for writing), and the context
/// slots. The table of trampolines lies low, where a short instruction can name it.
/// </summary>
public static class SystrapLayout
{
    /// <summary>The code fits one page.</summary>
    public const int CodeBytes = 4096;

    /// <summary>Constants from the base on: <see cref="NumbersOffset"/> and the seccomp programs.</summary>
    public const int ConstantsOffset = CodeBytes;

    /// <summary>From the start of the constants: the numbers 0, 1, 2... as 32-bit words.</summary>
    public const int NumbersOffset = 0;

    /// <summary>How many there are.</summary>
    public const int Numbers = 512;

    /// <summary>From the start of the constants: struct sock_fprog and program for a whole process.</summary>
    public const int ProcessFilterOffset = 2048;

    /// <summary>From the start of the constants: the same for a thread that runs guest code.</summary>
    public const int ThreadFilterOffset = 3072;

    /// <summary>The command slot from the base on.</summary>
    public const int CommandsOffset = 8192;

    /// <summary>Size of the command slot.</summary>
    public const int CommandBytes = 16384;

    /// <summary>The trampolines from the base on; there are none before the first site is patched.</summary>
    public const int TrampolinesOffset = 65536;

    /// <summary>Size of all trampolines of a process.</summary>
    public const int TrampolineBytes = CallSite.TrampolineBytes * MaxSites;

    /// <summary>Most sites of files, which have the same number in every process.</summary>
    public const int SharedSites = 7168;

    /// <summary>Most sites of a process: those of files, then its own.</summary>
    public const int MaxSites = 8192;

    /// <summary>
    /// Address of the table of trampolines, 8 bytes for each. Its third byte, which is the byte of a patched site that
    /// a jump to the system-call instruction behind a move would find first, is no instruction in 64-bit mode.
    /// </summary>
    public const ulong TableAddress = 0x60000;

    /// <summary>Size of the table.</summary>
    public const int TableBytes = sizeof(ulong) * MaxSites;

    /// <summary>The first context slot from the base on.</summary>
    public const int ContextsOffset = 1048576;

    /// <summary>Size of a context slot, and its alignment: a handler finds its slot by its stack pointer.</summary>
    public const int ContextBytes = 32768;

    /// <summary>Most context slots of one process.</summary>
    public const int MaxContexts = 8192;

    /// <summary>Everything together.</summary>
    public const ulong TotalBytes = ContextsOffset + ((ulong)ContextBytes * MaxContexts);

    /// <summary>
    /// The base is a multiple of 2 to this power, and no more than that lies behind it: so a few bits tell whether an
    /// address is one of ours.
    /// </summary>
    public const int BaseAlignmentBits = 29;
}

/// <summary>
/// Offsets in a command slot. The Sentry writes it; a stub process has it mapped read-only and answers by pwrite(2) to
/// the file behind it, which is what guest code cannot do.
/// </summary>
public static class CommandSlot
{
    /// <summary>32 bits: a new value asks for the script; it is a futex.</summary>
    public const int Sequence = 0;

    /// <summary>32 bits: entries of the script.</summary>
    public const int Count = 4;

    /// <summary>32 bits: whether somebody sleeps on <see cref="Ack"/>.</summary>
    public const int WantsWake = 8;

    /// <summary>64 bits: where <see cref="Ack"/> is in the file.</summary>
    public const int AckFileOffset = 16;

    /// <summary>64 bits: the descriptor of the file.</summary>
    public const int AckFd = 24;

    /// <summary>64 bits: how long to look out for the next script before sleeping, in TSC cycles.</summary>
    public const int SpinCycles = 32;

    /// <summary>32 bits: the sequence number of the last script run; it is a futex.</summary>
    public const int Ack = 64;

    /// <summary>32 bits: with a non-zero <see cref="FailedErrno"/> the entry that failed.</summary>
    public const int FailedIndex = 68;

    /// <summary>32 bits: why, 0 if nothing has.</summary>
    public const int FailedErrno = 72;

    /// <summary>32 bits: the kernel leaves the id of a new process here (master only).</summary>
    public const int ChildPid = 76;

    /// <summary>32 bits: entries of the script of a new process.</summary>
    public const int ChildCount = 80;

    /// <summary>The script.</summary>
    public const int Entries = 256;

    /// <summary>Longest script.</summary>
    public const int MaxEntries = 192;

    /// <summary>The script a new process runs before it looks at its own slot.</summary>
    public const int ChildEntries = Entries + (MaxEntries * ScriptEntry.Bytes);
}

/// <summary>
/// Offsets in a context slot: the state of one stub thread that runs guest code, shared with the Sentry. The guest can
/// write all of it; the Sentry believes none of it.
/// </summary>
public static class ContextSlot
{
    /// <summary>32 bits: <see cref="TurnSentry"/> or <see cref="TurnGuest"/>; it is a futex for both sides.</summary>
    public const int Turn = 0;

    /// <summary>The Sentry has the registers.</summary>
    public const int TurnSentry = 0;

    /// <summary>The stub thread has them.</summary>
    public const int TurnGuest = 1;

    /// <summary>The stub thread, which waits in a patched call, shall save its floating-point state and give the turn
    /// back.</summary>
    public const int TurnFrame = 2;

    /// <summary>The stub thread has the turn and is about to give it, with a frame.</summary>
    public const int TurnTaken = 3;

    /// <summary>32 bits, written with the turn by the stub: <see cref="StateFrame"/> or <see
    /// cref="StateCall"/>.</summary>
    public const int State = 4;

    /// <summary>The guest's state is in the signal frame.</summary>
    public const int StateFrame = 0;

    /// <summary>
    /// The guest made a patched call: registers are at <see cref="Registers"/>, floating-point state is the thread's.
    /// </summary>
    public const int StateCall = 1;

    /// <summary>The same, and the floating-point state is at <see cref="PreparedFp"/> too.</summary>
    public const int StateCallSaved = 2;

    /// <summary>32 bits, written with the turn by the Sentry: the same values; how to go on.</summary>
    public const int Way = 8;

    /// <summary>32 bits, its own cache line: the Sentry's thread sleeps.</summary>
    public const int SentrySleeps = 64;

    /// <summary>32 bits, its own cache line: the stub thread sleeps.</summary>
    public const int StubSleeps = 128;

    /// <summary>32 bits: the CPU the stub thread was on when it began to wait.</summary>
    public const int StubCpu = 132;

    /// <summary>64 bits: segment base, kept here while the guest does not run.</summary>
    public const int FsBase = 192;

    /// <summary>64 bits: the same for GS.</summary>
    public const int GsBase = 200;

    /// <summary>64 bits: address of the signal frame to return from, in the stub.</summary>
    public const int Frame = 208;

    /// <summary>32 bits: the kernel leaves the thread id here.</summary>
    public const int ThreadId = 216;

    /// <summary>64 bits: TSC cycles to wait without a system call; may become 0 while the thread waits.</summary>
    public const int SpinCycles = 224;

    /// <summary>64 bits: TSC cycles after which to sleep.</summary>
    public const int YieldCycles = 232;

    /// <summary>32 bits: the CPU the Sentry's thread was on when it gave the turn.</summary>
    public const int SentryCpu = 264;

    /// <summary>
    /// 64 bits: the number of the system call that shall come with the floating-point state (<see
    /// cref="StateCallSaved"/>).
    /// </summary>
    public const int SaveFor = 272;

    /// <summary>
    /// 64 bits: the number of sched_yield(2) when the stub thread may make that call by itself, otherwise no number.
    /// </summary>
    public const int Yields = 280;

    /// <summary>struct stack_t for sigaltstack(2).</summary>
    public const int AltStack = 240;

    /// <summary>
    /// Registers of a patched call in the order of Linux's struct user_regs_struct. The field of RIP holds the address
    /// to return to in the trampoline.
    /// </summary>
    public const int Registers = 320;

    /// <summary>Pairs of 64-bit words, number and answer, at the place of the number's low four bits.</summary>
    public const int Answers = 1024;

    /// <summary>How many pairs.</summary>
    public const int AnswerCount = 16;

    /// <summary>Size of a pair.</summary>
    public const int AnswerBytes = 16;

    /// <summary>64 bits: how many calls have been answered in the stub.</summary>
    public const int Answered = Answers + (AnswerCount * AnswerBytes);

    /// <summary>Start of the signal stack, which reaches to the end of the slot.</summary>
    public const int Stack = 4096;

    /// <summary>
    /// A signal frame that the Sentry makes for a thread that waits where a signal may come: at the far end of the
    /// signal stack, so that the host's frames leave it alone.
    /// </summary>
    public const int PreparedFrame = Stack;

    /// <summary>Its floating-point state, aligned as XSAVE wants it.</summary>
    public const int PreparedFp = PreparedFrame + 1024;
}

/// <summary>Offsets in <see cref="ContextSlot.Registers"/>, those of struct user_regs_struct.</summary>
internal static class CallRegisters
{
    internal const int R15 = ContextSlot.Registers;
    internal const int R14 = R15 + 8;
    internal const int R13 = R15 + 16;
    internal const int R12 = R15 + 24;
    internal const int Rbp = R15 + 32;
    internal const int Rbx = R15 + 40;
    internal const int R11 = R15 + 48;
    internal const int R10 = R15 + 56;
    internal const int R9 = R15 + 64;
    internal const int R8 = R15 + 72;
    internal const int Rax = R15 + 80;
    internal const int Rcx = R15 + 88;
    internal const int Rdx = R15 + 96;
    internal const int Rsi = R15 + 104;
    internal const int Rdi = R15 + 112;
    internal const int Rip = R15 + 128;
    internal const int Eflags = R15 + 144;
    internal const int Rsp = R15 + 152;
    internal const int FsBase = R15 + 168;
}
