using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Stubs;

/// <summary>What a queued operation does to the stub's address space.</summary>
internal enum SpaceOperationKind
{
    Map,
    Unmap,
    Protect,
}

/// <summary>One deferred change: exactly one system call of the stub.</summary>
internal struct SpaceOperation
{
    public SpaceOperationKind Kind;
    public MemoryAccess Access;
    public MapHint Hint;

    /// <summary>
    /// For maps: a descriptor of our own, closed when the operation is done or dropped; otherwise -1.
    /// </summary>
    public int Fd;

    /// <summary>The descriptor is somebody else's, who keeps it open.</summary>
    public bool IsFdLent;
    public ulong Start;
    public ulong End;
    public ulong FileOffset;

    /// <summary>Whether every address of the operation lies in [start, end).</summary>
    public readonly bool IsWithin(ulong start, ulong end) => Start >= start && End <= end;

    /// <summary>The system call.</summary>
    public readonly ScriptEntry Encode()
    {
        ulong length = End - Start;
        return Kind switch
        {
            SpaceOperationKind.Unmap => new ScriptEntry(SysNr.munmap, Start, length),
            SpaceOperationKind.Protect => new ScriptEntry(SysNr.mprotect, Start, length, Protection(Access)),
            _ => new ScriptEntry(
                SysNr.mmap, Start, length, Protection(Access), MapFlags(Hint), (ulong)Fd, FileOffset),
        };
    }

    /// <summary>The same numbers in both: PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4.</summary>
    private static ulong Protection(MemoryAccess access) => (ulong)access;

    private static ulong MapFlags(MapHint hint) =>
        HostMman.MapShared | HostMman.MapFixed | ((hint & MapHint.Populate) != 0 ? (ulong)HostMman.MapPopulate : 0);
}
