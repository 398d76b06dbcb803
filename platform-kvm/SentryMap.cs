using System.Threading;
using Abi.Linux;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// What ring 0 sees of this process: each GiB that it has wanted, at its own address, for ring 0 alone. Guests have the
/// addresses below <see cref="Base"/>; whatever of the process lies there ring 0 cannot have, because it may not touch
/// pages of users, and so it leaves for host mode to use it. What the process may not write ring 0 may not either,
/// since
/// nested paging follows; what it may execute is learnt from what it has executed.
/// </summary>
internal sealed class SentryMap
{
    /// <summary>Where the process's part of every guest's top table begins.</summary>
    public const ulong Base = (ulong)FirstTopEntry << TopShift;

    private const int TopShift = 39;
    private const int FirstTopEntry = 248;
    private const int EndTopEntry = 256;
    private const ulong End = (1UL << 47) - PageTables.PageBytes;
    private const ulong ChunkBytes = PhysicalMap.ChunkBytes;

    /// <summary>Executable at once: a page of the middle size.</summary>
    private const ulong CodeBytes = 2UL << 20;

    private readonly PhysicalMap _physical;
    private readonly PageTables _tables;
    private readonly Lock _gate = new();

    /// <summary>By GiB from <see cref="Base"/>; set under the lock, once and for good.</summary>
    private readonly bool[] _mapped = new bool[((1UL << 47) - Base) / ChunkBytes];

    /// <summary>What a vCPU keeps when CR3 is loaded: nothing where that is to hide it.</summary>
    private readonly PageFlags _keeping;

    private SentryMap(PhysicalMap physical, PageTables tables, PageFlags keeping)
    {
        _physical = physical;
        _tables = tables;
        _keeping = keeping;
    }

    /// <summary>Makes room in the kernel's own tables; null without memory.</summary>
    public static SentryMap? Create(PhysicalMap physical, PageTables tables, GuestTables guests)
    {
        for (int entry = FirstTopEntry; entry < EndTopEntry; entry++)
        {
            if (!tables.Reserve((ulong)entry << TopShift))
            {
                return null;
            }
        }
        return new SentryMap(physical, tables, guests == GuestTables.Shared ? PageFlags.Global : PageFlags.None);
    }

    /// <summary>Puts the process's part of the kernel's own tables into a guest's.</summary>
    public void ShareWith(PageTables tables)
    {
        for (int entry = FirstTopEntry; entry < EndTopEntry; entry++)
        {
            tables.Share(_tables, (ulong)entry << TopShift);
        }
    }

    /// <summary>
    /// Before a switch: maps what ring 0 last wanted, and the stack of this thread, which the emitted code uses where
    /// it
    /// cannot fault. False when the stack cannot be had.
    /// </summary>
    public bool Prepare(Vcpu vcpu)
    {
        if (vcpu.TakeWanted(out ulong data, out ulong code))
        {
            Want(data);
            WantCode(code);
        }
        ulong stack = Vcpu.StackAddress() - PageTables.PageBytes;
        if (stack - vcpu.StackChunk < ChunkBytes - PageTables.PageBytes)
        {
            return true;
        }
        if (!(Want(stack) & Want(stack + PageTables.PageBytes)))
        {
            return false;
        }
        vcpu.StackChunk = stack & ~(ChunkBytes - 1);
        return true;
    }

    /// <summary>
    /// Lets ring 0 fetch instructions around an address. The thread that could not has since gone on there in host
    /// mode,
    /// so if that is no code the process has ended.
    /// </summary>
    public void WantCode(ulong address)
    {
        if (Want(address))
        {
            lock (_gate)
            {
                _tables.Protect(address & ~(CodeBytes - 1), CodeBytes, PageFlags.Writable | _keeping);
            }
        }
    }

    /// <summary>Maps the GiB around an address. False when it is not the process's or the host has no room.</summary>
    public bool Want(ulong address)
    {
        if (address < Base || address >= End)
        {
            return false;
        }
        int index = (int)((address - Base) / ChunkBytes);
        return Volatile.Read(ref _mapped[index]) || Map(index);
    }

    private bool Map(int index)
    {
        lock (_gate)
        {
            if (!_mapped[index])
            {
                ulong start = Base + ((ulong)index * ChunkBytes);
                ulong length = ulong.Min(ChunkBytes, End - start);
                Errno error = _physical.TryGetPhysical((nint)start, out ulong physical);
                PageFlags flags = PageFlags.Writable | PageFlags.NoExecute | _keeping;
                if (error != Errno.None || !_tables.Map(start, length, physical, flags))
                {
                    return false;
                }
                Volatile.Write(ref _mapped[index], true);
            }
            return true;
        }
    }
}
