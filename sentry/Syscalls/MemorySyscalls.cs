using System;
using Abi.Linux;
using Platform;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>Mappings: mmap(2), munmap(2), mprotect(2), mremap(2), brk(2) and relatives.</summary>
public static partial class MemorySyscalls
{
    private const ulong PageSize = GuestAddress.PageSize;
    private const int ProtectionMask = Mman.PROT_READ | Mman.PROT_WRITE | Mman.PROT_EXEC;
    private const MemoryAccess AllAccess = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute;

    /// <summary>mmap(2).</summary>
    public static SyscallResult Mmap(Task task, in SyscallArguments args)
    {
        int flags = args.Int(3);
        ulong offset = args[5];
        if ((offset & (PageSize - 1)) != 0)
        {
            return Errno.EINVAL;
        }

        MapRequest request = new()
        {
            Address = args.Address(0),
            LengthBytes = args[1],
            Access = ToAccess(args.Int(2)),
            MaxAccess = AllAccess,
            Flags = ToFlags(flags),
            Offset = offset,
            Placement = ToPlacement(flags),
            Region = (flags & Mman.MAP_32BIT) != 0 ? MapRegion.Low32Bit : MapRegion.Normal,
            Fill = (flags & (Mman.MAP_POPULATE | Mman.MAP_NONBLOCK)) == Mman.MAP_POPULATE ? MapFill.Now
                : MapFill.OnDemand,
            LockLimitBytes = LockLimit(task),
        };
        if ((request.Flags & VmaFlags.Locked) != 0 && request.LockLimitBytes == 0)
        {
            return Errno.EPERM;
        }

        return (flags & Mman.MAP_ANONYMOUS) != 0
            ? MapAnonymous(task, flags, ref request)
            : MapFile(task, args.Int(4), flags, ref request);
    }

    /// <summary>munmap(2).</summary>
    public static SyscallResult Munmap(Task task, in SyscallArguments args) => task.Mm.Unmap(args.Address(0), args[1]);

    /// <summary>mprotect(2).</summary>
    public static SyscallResult Mprotect(Task task, in SyscallArguments args) =>
        ProtectRange(task, args.Address(0), args[1], args.Int(2));

    /// <summary>pkey_mprotect(2) on a CPU without protection keys: only the key -1 (none) exists.</summary>
    public static SyscallResult PkeyMprotect(Task task, in SyscallArguments args) =>
        args.Int(3) == -1 ? ProtectRange(task, args.Address(0), args[1], args.Int(2)) : Errno.EINVAL;

    /// <summary>pkey_alloc(2): on a CPU without keys the kernel fails at setting the rights, with EINVAL.</summary>
    public static SyscallResult PkeyAlloc(Task task, in SyscallArguments args) => Errno.EINVAL;

    /// <summary>pkey_free(2): no key can have been allocated.</summary>
    public static SyscallResult PkeyFree(Task task, in SyscallArguments args) => Errno.EINVAL;

    /// <summary>brk(2).</summary>
    public static SyscallResult Brk(Task task, in SyscallArguments args) =>
        (long)task.Mm.Brk(args.Address(0), LockLimit(task)).Value;

    /// <summary>mremap(2).</summary>
    public static SyscallResult Mremap(Task task, in SyscallArguments args)
    {
        const uint Known = Mman.MREMAP_MAYMOVE | Mman.MREMAP_FIXED | Mman.MREMAP_DONTUNMAP;
        ulong flags = args[3];
        ulong oldBytes = RoundUp(args[1]);
        ulong newBytes = RoundUp(args[2]);
        bool moves = (flags & Mman.MREMAP_MAYMOVE) != 0;
        bool bad = (flags & ~(ulong)Known) != 0
            || ((flags & (Mman.MREMAP_FIXED | Mman.MREMAP_DONTUNMAP)) != 0 && !moves)
            || ((flags & Mman.MREMAP_DONTUNMAP) != 0 && oldBytes != newBytes)
            || !args.Address(0).IsPageAligned
            || newBytes == 0;
        if (bad)
        {
            return Errno.EINVAL;
        }

        ulong top = task.Mm.TopAddress;
        if (newBytes > top)
        {
            return Errno.EINVAL;
        }

        if (args[0] >= top)
        {
            return Errno.EFAULT;
        }

        if (oldBytes > top - args[0])
        {
            bool cuts = oldBytes > newBytes
                && task.Mm.IsFullyMapped(GuestRange.FromBounds(args[0], args[0] + PageSize));
            return cuts ? Errno.EINVAL : Errno.EFAULT;
        }

        RemapRequest request = new()
        {
            Address = args.Address(0),
            OldBytes = oldBytes,
            NewBytes = newBytes,
            Flags = (uint)flags,
            NewAddress = (flags & (Mman.MREMAP_FIXED | Mman.MREMAP_DONTUNMAP)) != 0 ? args.Address(4) : default,
            LockLimitBytes = LockLimit(task),
        };
        Errno error = task.Mm.Remap(in request, out GuestAddress address);
        return SyscallResult.From(error, (long)address.Value);
    }

    /// <summary>remap_file_pages(2), emulated by a new mapping as Linux does since 4.0.</summary>
    public static SyscallResult RemapFilePages(Task task, in SyscallArguments args)
    {
        if (args.Int(2) != 0)
        {
            return Errno.EINVAL;
        }

        GuestAddress start = args.Address(0).RoundDown();
        ulong bytes = args[1] & ~(PageSize - 1);
        bool ok = bytes != 0 && args[3] <= ulong.MaxValue / PageSize
            && GuestRange.TryCreate(start, bytes, out GuestRange range)
            && range.End <= task.Mm.TopAddress && args[3] * PageSize + bytes >= bytes;
        return ok ? task.Mm.RemapFilePages(GuestRange.FromBounds(start.Value, start.Value + bytes),
            args[3] * PageSize) : Errno.EINVAL;
    }

    /// <summary>mseal(2).</summary>
    public static SyscallResult Mseal(Task task, in SyscallArguments args)
    {
        Errno error = AlignedRange(task, args.Address(0), args[1], out GuestRange range);
        if (args[2] != 0 || error != Errno.None)
        {
            return Errno.EINVAL;
        }

        return range.IsEmpty ? Errno.None : task.Mm.Seal(range);
    }

    /// <summary>RLIMIT_MEMLOCK, which does not bind holders of CAP_IPC_LOCK.</summary>
    private static ulong LockLimit(Task task) => task.Credentials.IsCapable(Capability.CAP_IPC_LOCK)
        ? ulong.MaxValue
        : task.Mm.Limits.SoftLimit(Resource.RLIMIT_MEMLOCK);

    private static ulong RoundUp(ulong bytes) => unchecked(bytes + PageSize - 1) & ~(PageSize - 1);

    private static MemoryAccess ToAccess(int protection) =>
        ((protection & Mman.PROT_READ) != 0 ? MemoryAccess.Read : 0)
        | ((protection & Mman.PROT_WRITE) != 0 ? MemoryAccess.Write : 0)
        | ((protection & Mman.PROT_EXEC) != 0 ? MemoryAccess.Execute : 0);

    private static VmaFlags ToFlags(int flags) =>
        ((flags & Mman.MAP_GROWSDOWN) != 0 ? VmaFlags.GrowsDown : 0)
        | ((flags & Mman.MAP_LOCKED) != 0 ? VmaFlags.Locked : 0)
        | ((flags & Mman.MAP_NORESERVE) != 0 ? VmaFlags.NoReserve : 0);

    private static MapPlacement ToPlacement(int flags) => (flags & Mman.MAP_FIXED_NOREPLACE) != 0
        ? MapPlacement.FixedNoReplace
        : (flags & Mman.MAP_FIXED) != 0 ? MapPlacement.Fixed : MapPlacement.Hint;

    /// <summary>A page-aligned range of system calls that round the length up; EINVAL as mlock's relatives want
    /// it.</summary>
    private static Errno AlignedRange(Task task, GuestAddress start, ulong lengthBytes, out GuestRange range)
    {
        range = default;
        ulong bytes = RoundUp(lengthBytes);
        bool bad = !start.IsPageAligned || (bytes == 0 && lengthBytes != 0)
            || !GuestRange.TryCreate(start, bytes, out range);
        return bad ? Errno.EINVAL : Errno.None;
    }

    private static SyscallResult ProtectRange(Task task, GuestAddress start, ulong lengthBytes, int protection)
    {
        const int Grows = Mman.PROT_GROWSDOWN | Mman.PROT_GROWSUP;
        bool bad = (protection & Grows) == Grows || !start.IsPageAligned;
        if (!bad && lengthBytes == 0)
        {
            return 0;
        }

        if (bad || (protection & ~(Mman.PROT_GROWSDOWN | ProtectionMask | Mman.PROT_SEM)) != 0)
        {
            return Errno.EINVAL;
        }

        ProtectExtent extent = (protection & Mman.PROT_GROWSDOWN) != 0 ? ProtectExtent.DownToStackStart
            : ProtectExtent.Exact;
        return task.Mm.Protect(start, lengthBytes, ToAccess(protection), extent);
    }

    private static SyscallResult MapAnonymous(Task task, int flags, ref MapRequest request)
    {
        if ((flags & Mman.MAP_HUGETLB) != 0)
        {
            return HugePages(flags);
        }

        switch (flags & Mman.MAP_TYPE)
        {
            case Mman.MAP_PRIVATE:
                request.Offset = 0;
                return MapRequested(task, in request);
            case Mman.MAP_SHARED:
                return MapSharedZeros(task, ref request);
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>MAP_HUGETLB without huge pages set aside: the size must be one the CPU has, then there is no memory
    /// of it.</summary>
    private static Errno HugePages(int flags)
    {
        uint shift = (uint)flags >> (int)Mman.MAP_HUGE_SHIFT & Mman.MAP_HUGE_MASK;
        return shift is 0 or 21 or 30 ? Errno.ENOMEM : Errno.EINVAL;
    }

    /// <summary>Shared anonymous memory, also of /dev/zero: an object of its own.</summary>
    private static SyscallResult MapSharedZeros(Task task, ref MapRequest request)
    {
        if (request.LengthBytes == 0 || request.LengthBytes > task.Mm.TopAddress)
        {
            return request.LengthBytes == 0 ? Errno.EINVAL : Errno.ENOMEM;
        }

        MemoryFile memory = task.ThreadGroup.Scope.Memory;
        SharedMemoryObject shared = new(memory, RoundUp(request.LengthBytes), SharedMemoryUse.Anonymous)
        {
            Identity = (1, task.Kernel.MemoryFile.NextObjectNumber()),
        };
        request.Flags |= VmaFlags.Shared;
        request.Mappable = shared;
        request.Offset = 0;
        request.Name = "/dev/zero (deleted)";
        SyscallResult result = MapRequested(task, in request);
        shared.DropOwner();
        return result;
    }

    private static SyscallResult MapRequested(Task task, in MapRequest request)
    {
        Errno error = task.Mm.Map(in request, out GuestAddress address);
        return SyscallResult.From(error, (long)address.Value);
    }
}
