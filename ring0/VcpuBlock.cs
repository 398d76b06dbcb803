namespace Ring0;

/// <summary>
/// Offsets in the block of memory that one vCPU has to itself. All of it is data: never executable. The first page is
/// the
/// way in: with <see cref="GuestTables.Separate"/> it is all that the guest's page tables have of the block.
/// </summary>
public static class VcpuBlock
{
    public const int Gdt = 0;
    public const int Tss = 0x80;

    /// <summary>A register of the guest's on the way between its tables and the Sentry's.</summary>
    public const int Scratch = 0x100;

    /// <summary>CR3 of the Sentry, with <see cref="GuestTables.Separate"/>.</summary>
    public const int SentryRoot = 0x108;

    /// <summary>
    /// What <see cref="ResidentCode"/> answers by itself: pairs of 64-bit words, number and answer, each at the place
    /// of the number's low bits.
    /// </summary>
    public const int Answers = 0x300;

    /// <summary>How many pairs: a power of two.</summary>
    public const int AnswerCount = 16;

    /// <summary>Size of a pair.</summary>
    public const int AnswerBytes = 16;

    /// <summary>Where the interrupt stack ends and starts: it grows down, and interrupts do not nest.</summary>
    public const int StackTop = 0x1000;

    /// <summary>Addresses for <see cref="TrapCode.TouchTables"/>.</summary>
    public const int TouchList = 0x1000;

    /// <summary>Most addresses that fit.</summary>
    public const int TouchListEntries = 512;

    /// <summary>XSAVE area of ring-0 code on its way to host mode: one page.</summary>
    public const int SavedFp = 0x2000;

    /// <summary>
    /// How often ring 0 had to leave for host mode: a word for each system call below
    /// <see cref="SystemCallCounts"/>, then one for each vector. One page.
    /// </summary>
    public const int LeaveCounts = 0x3000;

    /// <summary>Numbers of system calls that are counted.</summary>
    public const int SystemCallCounts = 512;

    /// <summary>A <see cref="ResidentState"/>, for a vCPU with <see cref="ResidentCode"/>: one page.</summary>
    public const int Resident = 0x4000;

    /// <summary>Size of the block: whole pages.</summary>
    public const int Bytes = 0x5000;

    /// <summary>Size of the way in.</summary>
    public const int EntryBytes = 0x1000;
}
