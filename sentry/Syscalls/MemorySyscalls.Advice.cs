using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>madvise(2), mincore(2), msync(2), mlock(2) and relatives.</summary>
public static partial class MemorySyscalls
{
    private const int InCorePages = 4096;

    /// <summary>madvise(2).</summary>
    public static SyscallResult Madvise(Task task, in SyscallArguments args) =>
        Advise(task, task.Mm, args.Address(0), args[1], args.Int(2));

    /// <summary>mincore(2).</summary>
    public static SyscallResult Mincore(Task task, in SyscallArguments args)
    {
        if (!args.Address(0).IsPageAligned)
        {
            return Errno.EINVAL;
        }

        ulong bytes = RoundUp(args[1]);
        if (bytes < args[1] || !GuestRange.TryCreate(args.Address(0), bytes, out GuestRange range)
            || range.End > task.Mm.TopAddress)
        {
            return Errno.ENOMEM;
        }

        Span<byte> flags = stackalloc byte[InCorePages];
        GuestAddress vector = args.Address(2);
        for (ulong at = range.Start; at < range.End; at += InCorePages * PageSize)
        {
            GuestRange part = GuestRange.FromBounds(at, Math.Min(range.End, at + (InCorePages * PageSize)));
            Span<byte> some = flags[..(int)(part.Length / PageSize)];
            Errno error = task.Mm.InCore(part, some);
            if (error != Errno.None)
            {
                return error;
            }

            ulong done = (at - range.Start) / PageSize;
            if (!vector.TryAdd(done, out GuestAddress target) || task.Mm.CopyOut(target, some) != Errno.None)
            {
                return Errno.EFAULT;
            }
        }

        return SyscallResult.Ok;
    }

    /// <summary>msync(2).</summary>
    public static SyscallResult Msync(Task task, in SyscallArguments args)
    {
        int flags = args.Int(2);
        const int Both = Mman.MS_ASYNC | Mman.MS_SYNC;
        if ((flags & ~(Both | Mman.MS_INVALIDATE)) != 0 || (flags & Both) == Both || !args.Address(0).IsPageAligned)
        {
            return Errno.EINVAL;
        }

        ulong bytes = RoundUp(args[1]);
        if (!GuestRange.TryCreate(args.Address(0), bytes, out GuestRange range))
        {
            return Errno.ENOMEM;
        }

        return range.IsEmpty ? Errno.None : task.Mm.Sync(range, flags);
    }

    /// <summary>mlock(2).</summary>
    public static SyscallResult Mlock(Task task, in SyscallArguments args) =>
        LockRange(task, args.Address(0), args[1], VmaFlags.Locked);

    /// <summary>mlock2(2).</summary>
    public static SyscallResult Mlock2(Task task, in SyscallArguments args)
    {
        int flags = args.Int(2);
        if ((flags & ~Mman.MLOCK_ONFAULT) != 0)
        {
            return Errno.EINVAL;
        }

        VmaFlags lockFlags = flags == 0 ? VmaFlags.Locked : VmaFlags.Locked | VmaFlags.LockOnFault;
        return LockRange(task, args.Address(0), args[1], lockFlags);
    }

    /// <summary>munlock(2).</summary>
    public static SyscallResult Munlock(Task task, in SyscallArguments args)
    {
        Errno error = CoveringRange(args.Address(0), args[1], out GuestRange range);
        return error != Errno.None || range.IsEmpty ? error : task.Mm.Unlock(range);
    }

    /// <summary>mlockall(2).</summary>
    public static SyscallResult Mlockall(Task task, in SyscallArguments args)
    {
        int flags = args.Int(0);
        const int Known = Mman.MCL_CURRENT | Mman.MCL_FUTURE | Mman.MCL_ONFAULT;
        if (flags == 0 || (flags & ~Known) != 0 || flags == Mman.MCL_ONFAULT)
        {
            return Errno.EINVAL;
        }

        ulong limit = LockLimit(task);
        if (limit == 0)
        {
            return Errno.EPERM;
        }

        bool onFault = (flags & Mman.MCL_ONFAULT) != 0;
        VmaFlags lockFlags = onFault ? VmaFlags.Locked | VmaFlags.LockOnFault : VmaFlags.Locked;
        VmaFlags? current = (flags & Mman.MCL_CURRENT) != 0 ? lockFlags : null;
        VmaFlags future = (flags & Mman.MCL_FUTURE) != 0 ? lockFlags : VmaFlags.None;
        return task.Mm.LockAll(current, future, limit);
    }

    /// <summary>munlockall(2).</summary>
    public static SyscallResult Munlockall(Task task, in SyscallArguments args)
    {
        task.Mm.UnlockAll();
        return SyscallResult.Ok;
    }

    /// <summary>madvise on any address space (madvise(2), process_madvise(2)).</summary>
    private static SyscallResult Advise(Task task, MemoryManager mm, GuestAddress start, ulong lengthBytes, int advice)
    {
        if (advice is Mman.MADV_HWPOISON or Mman.MADV_SOFT_OFFLINE)
        {
            return task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN) ? Errno.EINVAL : Errno.EPERM;
        }

        bool known = advice is (>= Mman.MADV_NORMAL and <= Mman.MADV_DONTNEED)
            or (>= Mman.MADV_FREE and <= Mman.MADV_COLLAPSE);
        ulong bytes = RoundUp(lengthBytes);
        bool bad = !known || !start.IsPageAligned || (bytes == 0 && lengthBytes != 0);
        if (bad || !GuestRange.TryCreate(start, bytes, out GuestRange range))
        {
            return Errno.EINVAL;
        }

        if (range.IsEmpty)
        {
            return SyscallResult.Ok;
        }

        return mm.Advise(range, advice);
    }

    private static SyscallResult LockRange(Task task, GuestAddress start, ulong lengthBytes, VmaFlags flags)
    {
        ulong limit = LockLimit(task);
        if (limit == 0)
        {
            return Errno.EPERM;
        }

        Errno error = CoveringRange(start, lengthBytes, out GuestRange range);
        if (error != Errno.None || range.IsEmpty)
        {
            return error;
        }

        return range.End > task.Mm.TopAddress ? Errno.ENOMEM : task.Mm.Lock(range, flags, limit);
    }

    /// <summary>All pages that a range touches; EINVAL when it wraps. The longest lengths round up to nothing
    /// (PAGE_ALIGN in
    /// mm/mlock.c).</summary>
    private static Errno CoveringRange(GuestAddress start, ulong lengthBytes, out GuestRange range)
    {
        range = default;
        ulong bytes = RoundUp(unchecked(lengthBytes + start.PageOffset));
        if (bytes != 0 && bytes < lengthBytes)
        {
            return Errno.EINVAL;
        }

        return GuestRange.TryCreate(start.RoundDown(), bytes, out range) ? Errno.None : Errno.EINVAL;
    }
}
