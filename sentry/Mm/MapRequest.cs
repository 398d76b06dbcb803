using System;
using Platform;
using Sentry.Vfs;

namespace Sentry.Mm;

/// <summary>How strictly <see cref="MapRequest.Address"/> is taken (mmap(2)).</summary>
public enum MapPlacement
{
    /// <summary>The address is a hint; 0 for none.</summary>
    Hint,

    /// <summary>MAP_FIXED: exactly there, replacing what is mapped.</summary>
    Fixed,

    /// <summary>MAP_FIXED_NOREPLACE: exactly there, EEXIST when something is mapped.</summary>
    FixedNoReplace,
}

/// <summary>Properties of a VMA beyond its access rights (Linux's vm_flags).</summary>
[Flags]
public enum VmaFlags
{
    None = 0,

    /// <summary>MAP_SHARED.</summary>
    Shared = 1 << 0,

    /// <summary>MAP_GROWSDOWN: a fault just below extends it.</summary>
    GrowsDown = 1 << 1,

    /// <summary>mlock(2): counted against RLIMIT_MEMLOCK.</summary>
    Locked = 1 << 2,

    /// <summary>With <see cref="Locked"/>: pages are not filled at once (MLOCK_ONFAULT).</summary>
    LockOnFault = 1 << 3,

    /// <summary>MAP_NORESERVE.</summary>
    NoReserve = 1 << 4,

    /// <summary>MADV_DONTFORK.</summary>
    DontFork = 1 << 5,

    /// <summary>MADV_WIPEONFORK.</summary>
    WipeOnFork = 1 << 6,

    /// <summary>MADV_DONTDUMP.</summary>
    DontDump = 1 << 7,

    /// <summary>MADV_HUGEPAGE.</summary>
    HugePage = 1 << 8,

    /// <summary>MADV_NOHUGEPAGE.</summary>
    NoHugePage = 1 << 9,

    /// <summary>MADV_SEQUENTIAL.</summary>
    Sequential = 1 << 10,

    /// <summary>MADV_RANDOM.</summary>
    Random = 1 << 11,

    /// <summary>MADV_MERGEABLE.</summary>
    Mergeable = 1 << 12,

    /// <summary>The initial stack, shown as [stack].</summary>
    Stack = 1 << 13,

    /// <summary>Part of the program break, shown as [heap].</summary>
    Heap = 1 << 14,

    /// <summary>Made by the kernel ([vdso], [vvar]): never merged, grown, advised or locked.</summary>
    Special = 1 << 15,

    /// <summary>mseal(2).</summary>
    Sealed = 1 << 16,
}

/// <summary>When the pages of a new mapping are filled.</summary>
public enum MapFill
{
    /// <summary>At the first access.</summary>
    OnDemand,

    /// <summary>Now, as far as possible (MAP_POPULATE).</summary>
    Now,
}

/// <summary>Where the search for a free place looks.</summary>
public enum MapRegion
{
    /// <summary>Top-down below the stack.</summary>
    Normal,

    /// <summary>MAP_32BIT: the second GiB.</summary>
    Low32Bit,
}

/// <summary>What <see cref="MemoryManager.Map"/> shall map. A default field is the usual choice.</summary>
public struct MapRequest
{
    /// <summary>Hint or exact address, see <see cref="Placement"/>.</summary>
    public GuestAddress Address;

    /// <summary>Bytes; rounded up to pages.</summary>
    public ulong LengthBytes;

    /// <summary>How strictly the address is taken.</summary>
    public MapPlacement Placement;

    /// <summary>Rights now (PROT_*).</summary>
    public MemoryAccess Access;

    /// <summary>Most that mprotect(2) may give later (Linux's VM_MAYREAD...).</summary>
    public MemoryAccess MaxAccess;

    /// <summary>Properties.</summary>
    public VmaFlags Flags;

    /// <summary>What is mapped; null for anonymous memory. The caller keeps <see cref="File"/> alive during the call
    /// only.</summary>
    public IMappable? Mappable;

    /// <summary>Byte offset in the mappable, page aligned.</summary>
    public ulong Offset;

    /// <summary>Open file behind it: kept referenced while mapped, shown in /proc/pid/maps. Null for anonymous and
    /// special mappings.</summary>
    public FileDescription? File;

    /// <summary>Name in /proc/pid/maps when there is no file ("[vdso]"); null for none.</summary>
    public string? Name;

    /// <summary>MAP_POPULATE or not.</summary>
    public MapFill Fill;

    /// <summary>MAP_32BIT or not.</summary>
    public MapRegion Region;

    /// <summary>Most bytes that may be locked; null: the soft RLIMIT_MEMLOCK. ulong.MaxValue for holders of
    /// CAP_IPC_LOCK.</summary>
    public ulong? LockLimitBytes;
}
