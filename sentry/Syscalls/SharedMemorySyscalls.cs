using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Ipc;
using Sentry.Kernel;
using Sentry.Mm;
using IpcAbi = Abi.Linux.Ipc;

namespace Sentry.Syscalls;

/// <summary>System V shared memory: shmget(2), shmop(2), shmctl(2).</summary>
public static class SharedMemorySyscalls
{
    private const ulong MaxSegmentBytes = 1ul << 40;

    /// <summary>SHMMAX (include/uapi/linux/shm.h), beyond which a size is no size.</summary>
    private const ulong MaxSize = ulong.MaxValue - (1ul << 24);
    private const long NsPerSecond = 1000000000;

    /// <summary>shmget(key_t key, size_t size, int shmflg).</summary>
    public static SyscallResult Shmget(Task task, in SyscallArguments args)
    {
        int key = args.Int(0);
        ulong size = args[1];
        int flags = args.Int(2);
        SysVIpc ipc = SysVIpc.Of(task);
        using (ipc.Lock.Enter())
        {
            Purge(ipc);
            Errno error = ipc.Segments.Find(task, task.Namespaces.Ipc, key, flags, out SharedMemorySegment? segment);
            if (error != Errno.None)
            {
                return error;
            }

            if (segment is not null)
            {
                return segment.SizeBytes < size ? Errno.EINVAL : segment.Id;
            }

            if (size is < Shm.SHMMIN or > MaxSize || size > ipc.Limits.SegmentBytes)
            {
                return Errno.EINVAL;
            }

            if (PagesOf(size) > ipc.Limits.SharedPages - Math.Min(ipc.Limits.SharedPages, PagesInUse(ipc)))
            {
                return Errno.ENOSPC;
            }

            if (size > MaxSegmentBytes)
            {
                return Errno.ENOMEM;
            }

            if ((flags & Shm.SHM_HUGETLB) != 0)
            {
                return Errno.ENOMEM;
            }

            segment = new SharedMemorySegment(task, ipc, key, (uint)flags, size);
            ipc.Segments.Add(segment);
            return segment.Id;
        }
    }

    /// <summary>shmat(int shmid, const void *shmaddr, int shmflg).</summary>
    public static SyscallResult Shmat(Task task, in SyscallArguments args)
    {
        int flags = args.Int(2);
        Errno error = FindPlace(args.Address(1), flags, out MapRequest request);
        if (error != Errno.None)
        {
            return error;
        }

        uint rights = (flags & Shm.SHM_RDONLY) != 0 ? IpcRights.Read : IpcRights.Read | IpcRights.Write;
        rights |= (flags & Shm.SHM_EXEC) != 0 ? IpcRights.Execute : 0;
        SysVIpc ipc = SysVIpc.Of(task);
        SharedMemorySegment? segment;
        using (ipc.Lock.Enter())
        {
            Purge(ipc);
            error = ipc.Obtain(task, ipc.Segments, args.Int(0), rights, out segment);
            if (error != Errno.None)
            {
                return error;
            }

            request.Access = MemoryAccess.Read;
            request.Access |= (flags & Shm.SHM_RDONLY) != 0 ? 0 : MemoryAccess.Write;
            request.MaxAccess = request.Access | MemoryAccess.Execute;
            request.Access |= (flags & Shm.SHM_EXEC) != 0 ? MemoryAccess.Execute : 0;
            request.LengthBytes = segment!.SizeBytes;
            request.Flags = VmaFlags.Shared;
            request.Mappable = segment;
            request.Name = "/SYSV" + segment.Key.ToString("x8") + " (deleted)";
            error = task.Mm.Map(request, out GuestAddress address);
            if (error == Errno.EEXIST)
            {
                return Errno.EINVAL;
            }

            segment.LastPid = error == Errno.None ? task.ThreadGroup.Identity : segment.LastPid;
            return SyscallResult.From(error, (long)address.Value);
        }
    }

    /// <summary>shmdt(const void *shmaddr).</summary>
    public static SyscallResult Shmdt(Task task, in SyscallArguments args)
    {
        Errno error = task.Mm.Detach(args.Address(0), MaxSegmentBytes, out SharedMemorySegment? segment);
        if (error == Errno.None)
        {
            segment!.LastPid = task.ThreadGroup.Identity;
        }

        return error;
    }

    /// <summary>shmctl(int shmid, int cmd, struct shmid_ds *buf).</summary>
    public static SyscallResult Shmctl(Task task, in SyscallArguments args)
    {
        int command = args.Int(1) & ~IpcAbi.IPC_64;
        if (args.Int(0) < 0 || command < 0)
        {
            return Errno.EINVAL;
        }

        switch (command)
        {
            case IpcAbi.IPC_INFO:
                return Limits(task, args.Address(2));
            case Shm.SHM_INFO:
                return Usage(task, args.Address(2));
            case IpcAbi.IPC_STAT:
                return Stat(task, args.Int(0), IpcStat.ById, args.Address(2));
            case Shm.SHM_STAT:
                return Stat(task, args.Int(0), IpcStat.BySlot, args.Address(2));
            case Shm.SHM_STAT_ANY:
                return Stat(task, args.Int(0), IpcStat.BySlotForAll, args.Address(2));
            case IpcAbi.IPC_SET:
                return Set(task, args.Int(0), args.Address(2));
            case IpcAbi.IPC_RMID or Shm.SHM_LOCK or Shm.SHM_UNLOCK:
                return Control(task, args.Int(0), command);
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>Removed segments go when nobody has them mapped any more.</summary>
    internal static void Purge(SysVIpc ipc)
    {
        SharedMemorySegment? over = null;
        do
        {
            over = null;
            foreach (SharedMemorySegment segment in ipc.Segments.All)
            {
                over = segment.IsOver ? segment : over;
            }

            if (over is not null)
            {
                ipc.Segments.Remove(over);
            }
        }
        while (over is not null);
    }

    private static Errno FindPlace(GuestAddress address, int flags, out MapRequest request)
    {
        request = default;
        if (address.IsNull)
        {
            return (flags & Shm.SHM_REMAP) != 0 ? Errno.EINVAL : Errno.None;
        }

        if (!address.IsPageAligned && (flags & Shm.SHM_RND) == 0)
        {
            return Errno.EINVAL;
        }

        request.Address = address.RoundDown();
        request.Placement = (flags & Shm.SHM_REMAP) != 0 ? MapPlacement.Fixed : MapPlacement.FixedNoReplace;
        return request.Address.IsNull ? Errno.EINVAL : Errno.None;
    }

    private static ulong PagesOf(ulong bytes) => (bytes + GuestAddress.PageSize - 1) / GuestAddress.PageSize;

    private static ulong PagesInUse(SysVIpc ipc)
    {
        ulong pages = 0;
        foreach (SharedMemorySegment segment in ipc.Segments.All)
        {
            pages += PagesOf(segment.SizeBytes);
        }

        return pages;
    }

    private static SyscallResult Limits(Task task, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        Shminfo64 limits = new()
        {
            shmmax = ipc.Limits.SegmentBytes,
            shmmin = Shm.SHMMIN,
            shmmni = (ulong)ipc.Segments.Limit,
            shmseg = Shm.SHMSEG,
            shmall = ipc.Limits.SharedPages,
        };
        Errno error = task.Mm.Write(address, limits);
        using (ipc.Lock.Enter())
        {
            return SyscallResult.From(error, ipc.Segments.HighestSlot);
        }
    }

    private static SyscallResult Usage(Task task, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        ShmInfo usage = default;
        int highest;
        using (ipc.Lock.Enter())
        {
            Purge(ipc);
            usage.used_ids = ipc.Segments.Count;
            highest = ipc.Segments.HighestSlot;
            foreach (SharedMemorySegment segment in ipc.Segments.All)
            {
                usage.shm_tot += PagesOf(segment.SizeBytes);
                usage.shm_rss += segment.ResidentBytes / GuestAddress.PageSize;
            }
        }

        return SyscallResult.From(task.Mm.Write(address, usage), highest);
    }

    private static SyscallResult Stat(Task task, int number, IpcStat way, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        Shmid64Ds state;
        int result;
        using (ipc.Lock.Enter())
        {
            Purge(ipc);
            Errno error = ipc.ObtainForStat(task, ipc.Segments, number, way, out SharedMemorySegment? segment,
                out result);
            if (error != Errno.None)
            {
                return error;
            }

            state = Describe(task, segment!);
        }

        return SyscallResult.From(task.Mm.Write(address, state), result);
    }

    private static Shmid64Ds Describe(Task task, SharedMemorySegment segment) => new()
    {
        shm_perm = segment.Describe(task),
        shm_segsz = segment.SizeBytes,
        shm_atime = segment.AttachTimeNs / NsPerSecond,
        shm_dtime = segment.DetachTimeNs / NsPerSecond,
        shm_ctime = segment.ChangeTimeNs / NsPerSecond,
        shm_cpid = segment.CreatorPid.NumberIn(task.PidNamespace),
        shm_lpid = segment.LastPid?.NumberIn(task.PidNamespace) ?? 0,
        shm_nattch = segment.Attaches,
    };

    private static SyscallResult Set(Task task, int id, GuestAddress address)
    {
        Errno error = task.Mm.Read(address, out Shmid64Ds wanted);
        SysVIpc ipc = SysVIpc.Of(task);
        return error == Errno.None ? ipc.SetPermissions(task, ipc.Segments, id, wanted.shm_perm) : error;
    }

    private static SyscallResult Control(Task task, int id, int command)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        using (ipc.Lock.Enter())
        {
            Errno error = command == IpcAbi.IPC_RMID
                ? ipc.ObtainForControl(task, ipc.Segments, id, out SharedMemorySegment? segment)
                : ipc.Segments.Get(id, out segment);
            if (error != Errno.None)
            {
                return error;
            }

            if (command == IpcAbi.IPC_RMID)
            {
                segment!.MarkLocked();
                Purge(ipc);
                return SyscallResult.Ok;
            }

            bool isPrivileged = task.Credentials.HasCapability(Capability.CAP_IPC_LOCK);
            uint uid = task.Credentials.EffectiveUid;
            bool isOwner = uid == segment!.Uid || uid == segment.CreatorUid;
            bool mayLock = command == Shm.SHM_UNLOCK || task.ThreadGroup.Limits.Soft(Resource.RLIMIT_MEMLOCK) > 0;
            if (!isPrivileged && !(isOwner && mayLock))
            {
                return Errno.EPERM;
            }

            // Guest memory is not swapped by us: a locked segment only shows that it is.
            segment.Mode = command == Shm.SHM_LOCK
                ? segment.Mode | ShmMode.SHM_LOCKED
                : segment.Mode & ~ShmMode.SHM_LOCKED;
            return SyscallResult.Ok;
        }
    }
}
