using System;
using Abi.Linux;
using Platform;
using Sentry.Sync;

namespace Sentry.Mm;

/// <summary>Where the break begins.</summary>
public enum BrkPlacement
{
    /// <summary>Right after the bss.</summary>
    AfterBss,

    /// <summary>A random distance (up to 32 MiB) after it, when the address space is randomised.</summary>
    Randomised,
}

/// <summary>Making an address space and laying out a program in it (arch/x86/mm/mmap.c, fs/binfmt_elf.c).</summary>
public sealed partial class MemoryManager
{
    /// <summary>vm.max_map_count: most mappings of one process.</summary>
    public const int MaxMappings = 65530;

    private const ulong PageSize = GuestAddress.PageSize;
    private const ulong StackGuardBytes = 256 * PageSize;
    private const ulong MinimumStackGap = 128ul << 20;
    private const ulong StackRandomPages = 1ul << 22;
    private const ulong MmapRandomPages = 1ul << 28;
    private const ulong BrkRandomPages = 0x02000000 / PageSize;

    // Guards _image.
    private readonly OrderedLock<LeafLevel> _imageLock = new();
    private ProcessImage _image;

    private ulong _randomSeed;

    /// <summary>First address no mapping may use.</summary>
    public ulong TopAddress { get; private set; }

    /// <summary>First address above the place of the stack (STACK_TOP less the random part).</summary>
    public ulong StackTop { get; private set; }

    /// <summary>Highest address that <see cref="Map"/> gives out by itself.</summary>
    public ulong MmapBase { get; private set; }

    /// <summary>Where a position-independent program with an interpreter goes (ELF_ET_DYN_BASE plus the random part),
    /// page aligned.</summary>
    public ulong PieBase { get; private set; }

    /// <summary>Parts of the program; read and replaced as a whole. Replacing it does not touch the executable's
    /// references.</summary>
    public ProcessImage Image
    {
        get
        {
            using (_imageLock.Enter())
            {
                return _image;
            }
        }

        set
        {
            using (_imageLock.Enter())
            {
                _image = value;
            }
        }
    }

    /// <summary>An empty address space with one user. <paramref name="limits"/> is asked whenever a mapping
    /// grows.</summary>
    public static Errno Create(
        IPlatform platform,
        MemoryFile memoryFile,
        IMemoryLimits limits,
        in MemoryLayoutRequest layout,
        out MemoryManager? mm)
    {
        mm = null;
        Errno error = platform.NewAddressSpace(out IAddressSpace? space);
        if (error != Errno.None)
        {
            return error;
        }

        mm = new MemoryManager(platform, memoryFile, space!, limits);
        mm.LayOut(platform.MaxUserAddress, in layout);
        return Errno.None;
    }

    /// <summary>
    /// Maps the initial stack below <see cref="StackTop"/>, growing down; <paramref name="initialBytes"/> are mapped
    /// at once. <paramref name="access"/> has Execute
    /// for programs whose PT_GNU_STACK says so.
    /// </summary>
    public Errno MapStack(ulong initialBytes, MemoryAccess access, out GuestRange stack)
    {
        stack = default;
        if (initialBytes == 0 || initialBytes > StackTop / 2)
        {
            return Errno.ENOMEM;
        }

        ulong bytes = (initialBytes + PageSize - 1) & ~(PageSize - 1);
        MapRequest request = new()
        {
            Address = new GuestAddress(StackTop - bytes),
            LengthBytes = bytes,
            Placement = MapPlacement.FixedNoReplace,
            Access = access,
            MaxAccess = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute,
            Flags = VmaFlags.GrowsDown | VmaFlags.Stack,
        };
        Errno error = Map(in request, out GuestAddress address);
        if (error == Errno.None)
        {
            stack = GuestRange.FromBounds(address.Value, StackTop);
        }

        return error;
    }

    /// <summary>
    /// Maps pages that the kernel owns (vDSO, its data page): shared, from a range of a memory file, which the caller
    /// keeps referenced for the life of the kernel.
    /// </summary>
    public Errno MapSpecial(GuestAddress hint, MemoryFile file, MemoryFileRange pages, MemoryAccess access,
        string name, out GuestAddress address)
    {
        MapRequest request = new()
        {
            Address = hint,
            LengthBytes = pages.LengthBytes,
            Access = access,
            MaxAccess = access,
            Flags = VmaFlags.Shared | VmaFlags.Special | VmaFlags.DontDump,
            Mappable = new KernelPages(file, pages.Offset, pages.LengthBytes),
            Name = name,
        };
        return Map(in request, out address);
    }

    private void LayOut(ulong top, in MemoryLayoutRequest layout)
    {
        _randomSeed = layout.RandomSeed;
        TopAddress = top;
        StackTop = top - RandomBytes(1, StackRandomPages);
        ulong gap = Math.Clamp(layout.StackLimitBytes, MinimumStackGap, top / 6 * 5);
        ulong pad = StackGuardBytes + (_randomSeed == 0 ? 0 : StackRandomPages * PageSize);
        if (gap + pad > gap && gap + pad < top / 6 * 5)
        {
            gap += pad;
        }

        ulong random = Math.Min(RandomBytes(2, MmapRandomPages), (top - gap) / 4);
        MmapBase = (top - gap - random) & ~(PageSize - 1);
        PieBase = ((top / 3 * 2) + RandomBytes(3, Math.Min(MmapRandomPages, top / 32 / PageSize))) & ~(PageSize - 1);
    }

    /// <summary>A random multiple of the page size below <paramref name="pages"/> pages, another one per purpose; 0
    /// without randomisation.</summary>
    private ulong RandomBytes(ulong purpose, ulong pages)
    {
        if (_randomSeed == 0 || pages == 0)
        {
            return 0;
        }

        ulong mixed = (_randomSeed + purpose) * 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return (mixed ^ (mixed >> 31)) % pages * PageSize;
    }

    private void DropImage()
    {
        ProcessImage image;
        using (_imageLock.Enter())
        {
            image = _image;
            _image = default;
        }

        image.Executable?.DropReference(null);
    }
}
