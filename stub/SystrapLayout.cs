namespace Stub;

/// <summary>
/// Where things are in a systrap stub process, from the base address on: the code page, a page of constants, the
/// command slot (all three out of the guest's reach for writing), and the context slots.
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

    /// <summary>The first context slot from the base on.</summary>
    public const int ContextsOffset = 65536;

    /// <summary>Size of a context slot, and its alignment: a handler finds its slot by its stack pointer.</summary>
    public const int ContextBytes = 32768;

    /// <summary>Most context slots of one process.</summary>
    public const int MaxContexts = 8192;

    /// <summary>Everything together.</summary>
    public const ulong TotalBytes = ContextsOffset + ((ulong)ContextBytes * MaxContexts);
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

    /// <summary>32 bits, its own cache line: the Sentry's thread sleeps.</summary>
    public const int SentrySleeps = 64;

    /// <summary>32 bits, its own cache line: the stub thread sleeps.</summary>
    public const int StubSleeps = 128;

    /// <summary>64 bits: segment base, kept here while the guest does not run.</summary>
    public const int FsBase = 192;

    /// <summary>64 bits: the same for GS.</summary>
    public const int GsBase = 200;

    /// <summary>64 bits: address of the signal frame to return from, in the stub.</summary>
    public const int Frame = 208;

    /// <summary>32 bits: the kernel leaves the thread id here.</summary>
    public const int ThreadId = 216;

    /// <summary>64 bits: TSC cycles to wait without a system call.</summary>
    public const int SpinCycles = 224;

    /// <summary>64 bits: TSC cycles after which to sleep.</summary>
    public const int YieldCycles = 232;

    /// <summary>struct stack_t for sigaltstack(2).</summary>
    public const int AltStack = 240;

    /// <summary>Start of the signal stack, which reaches to the end of the slot.</summary>
    public const int Stack = 4096;
}
