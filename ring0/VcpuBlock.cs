namespace Ring0;

/// <summary>Offsets in the block of memory that one vCPU has to itself. All of it is data: never executable.</summary>
public static class VcpuBlock
{
    public const int Gdt = 0;
    public const int Tss = 0x80;

    /// <summary>Where the interrupt stack ends and starts: it grows down, and interrupts do not nest.</summary>
    public const int StackTop = 0x1000;

    /// <summary>Addresses for <see cref="TrapCode.TouchTables"/>.</summary>
    public const int TouchList = 0x1000;

    /// <summary>Most addresses that fit.</summary>
    public const int TouchListEntries = 512;

    /// <summary>Size of the block: whole pages.</summary>
    public const int Bytes = 0x2000;
}
