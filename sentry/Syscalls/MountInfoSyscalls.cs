using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>statmount(2), listmount(2).</summary>
public static class MountInfoSyscalls
{
    private const uint FirstRequestBytes = 24;
    private const uint PageBytes = 4096;
    private const ulong MostIds = 1_000_000;
    private const int FixedBytes = 512;

    /// <summary>
    /// ssize_t listmount(const struct mnt_id_req *req, uint64_t *mnt_ids, size_t nr_mnt_ids, unsigned int flags): the
    /// mounts below one, in the order of their numbers.
    /// </summary>
    public static SyscallResult ListMount(Task task, in SyscallArguments args)
    {
        if ((args.UInt(3) & ~MountFlags.LISTMOUNT_REVERSE) != 0)
        {
            return Errno.EINVAL;
        }

        if (args[2] > MostIds)
        {
            return Errno.EOVERFLOW;
        }

        Errno errno = ReadRequest(task, args.Address(0), out MntIdReq request);
        if (errno == Errno.None && request.param is not 0 and <= Mount.FirstUniqueId)
        {
            errno = Errno.EINVAL;
        }

        MountNamespace? space = null;
        errno = errno != Errno.None ? errno : FindNamespace(task, in request, out space);
        if (errno != Errno.None)
        {
            return errno;
        }

        VfsPath reader = RootIn(task, space!);
        VfsPath top = reader;
        List<Mount> mounts = space!.All();
        if (request.mnt_id != MountFlags.LSMT_ROOT)
        {
            errno = Find(task, mounts, request.mnt_id, reader, out Mount? mount);
            if (errno != Errno.None)
            {
                return errno;
            }

            top = mount!.RootPath;
        }

        bool isReverse = args.UInt(3) != 0;
        mounts.Sort((one, other) => isReverse ? other.Id.CompareTo(one.Id) : one.Id.CompareTo(other.Id));
        return WriteIds(task, mounts, top, in request, isReverse, new GuestSlots(args.Address(1), args[2]));
    }

    /// <summary>
    /// int statmount(const struct mnt_id_req *req, struct statmount *buf, size_t bufsize, unsigned int flags)
    /// </summary>
    public static SyscallResult StatMount(Task task, in SyscallArguments args)
    {
        if (args.UInt(3) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = ReadRequest(task, args.Address(0), out MntIdReq request);
        MountNamespace? space = null;
        errno = errno != Errno.None ? errno : FindNamespace(task, in request, out space);
        if (errno != Errno.None)
        {
            return errno;
        }

        VfsPath reader = RootIn(task, space!);
        errno = Find(task, space!.All(), request.mnt_id, reader, out Mount? mount);
        if (errno != Errno.None)
        {
            return errno;
        }

        Statmount result = default;
        FillNumbers(task, space, mount!, request.param, ref result);
        StringBuilder text = new("\0");
        FillTexts(space, mount!, reader, request.param, ref result, text);
        return WriteStatMount(task, ref result, text, args.Address(1), args[2]);
    }

    /// <summary>A guest array of 64-bit numbers.</summary>
    private readonly record struct GuestSlots(GuestAddress Address, ulong Count);

    private static SyscallResult WriteIds(
        Task task, List<Mount> mounts, VfsPath top, in MntIdReq request, bool isReverse, GuestSlots slots)
    {
        ulong written = 0;
        foreach (Mount mount in mounts)
        {
            bool isPast = request.param == 0
                || (isReverse ? mount.UniqueId < request.param : mount.UniqueId > request.param);
            bool isListed = isPast && mount.UniqueId != request.mnt_id && mount != top.Mount
                && VirtualFileSystem.IsReachable(mount.RootPath, top);
            if (!isListed)
            {
                continue;
            }

            if (written == slots.Count)
            {
                break;
            }

            ulong id = mount.UniqueId;
            bool fits = slots.Address.TryAdd(written * sizeof(ulong), out GuestAddress slot);
            if (!fits || task.Mm.Write(slot, in id) != Errno.None)
            {
                return Errno.EFAULT;
            }

            written++;
        }

        return new SyscallResult((long)written);
    }

    private static Errno ReadRequest(Task task, GuestAddress address, out MntIdReq request)
    {
        request = default;
        Errno errno = task.Mm.Read(address, out uint size);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (size is > PageBytes or < FirstRequestBytes)
        {
            return size > PageBytes ? Errno.E2BIG : Errno.EINVAL;
        }

        Span<byte> bytes = stackalloc byte[(int)PageBytes];
        bytes.Clear();
        errno = task.Mm.CopyIn(address, bytes[..(int)size]);
        if (errno != Errno.None)
        {
            return errno;
        }

        const int KnownBytes = 32;
        if (bytes[KnownBytes..].ContainsAnyExcept((byte)0))
        {
            return Errno.E2BIG;
        }

        request.size = size;
        request.mnt_ns_fd = BitConverter.ToUInt32(bytes[4..]);
        request.mnt_id = BitConverter.ToUInt64(bytes[8..]);
        request.param = BitConverter.ToUInt64(bytes[16..]);
        request.mnt_ns_id = BitConverter.ToUInt64(bytes[24..]);
        bool isAmbiguous = request.mnt_ns_fd != 0 && request.mnt_ns_id != 0;
        return isAmbiguous || request.mnt_id <= Mount.FirstUniqueId ? Errno.EINVAL : Errno.None;
    }

    private static Errno FindNamespace(Task task, in MntIdReq request, out MountNamespace? space)
    {
        space = task.MountNamespace;
        if (request.mnt_ns_fd != 0)
        {
            using FdReference reference = task.FdTable.Borrow((int)request.mnt_ns_fd);
            space = (reference.File as INamespaceFile)?.Namespace as MountNamespace;
            if (space is null)
            {
                return reference.File is null ? Errno.EBADF : Errno.EINVAL;
            }
        }
        else if (request.mnt_ns_id != 0)
        {
            space = task.Kernel.Vfs.FindNamespace(request.mnt_ns_id);
        }

        bool isAllowed = space is not null && (space == task.MountNamespace
            || task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, space.Owner));
        return isAllowed ? Errno.None : Errno.ENOENT;
    }

    // The caller's root where that is in the namespace, else what is topmost there.
    private static VfsPath RootIn(Task task, MountNamespace space) =>
        space == task.MountNamespace ? task.FsContext.Root : space.RootTop;

    private static Errno Find(Task task, List<Mount> mounts, ulong id, VfsPath reader, out Mount? mount)
    {
        mount = mounts.Find(candidate => candidate.UniqueId == id);
        if (mount is null)
        {
            return Errno.ENOENT;
        }

        bool isSeen = VirtualFileSystem.IsReachable(mount.RootPath, reader)
            || task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, mount.Namespace?.Owner
                ?? task.MountNamespace.Owner);
        return isSeen ? Errno.None : Errno.EPERM;
    }

    private static void FillNumbers(
        Task task, MountNamespace space, Mount mount, ulong wanted, ref Statmount result)
    {
        const ulong Supported = MountFlags.STATMOUNT_SB_BASIC | MountFlags.STATMOUNT_MNT_BASIC
            | MountFlags.STATMOUNT_PROPAGATE_FROM | MountFlags.STATMOUNT_MNT_ROOT | MountFlags.STATMOUNT_MNT_POINT
            | MountFlags.STATMOUNT_FS_TYPE | MountFlags.STATMOUNT_MNT_NS_ID | MountFlags.STATMOUNT_MNT_OPTS
            | MountFlags.STATMOUNT_SB_SOURCE | MountFlags.STATMOUNT_SUPPORTED_MASK;
        if ((wanted & MountFlags.STATMOUNT_SB_BASIC) != 0)
        {
            SuperBlock superBlock = mount.SuperBlock;
            const ulong Shown = MountFlags.MS_RDONLY | MountFlags.MS_SYNCHRONOUS | MountFlags.MS_DIRSYNC
                | MountFlags.MS_LAZYTIME;
            result.sb_dev_major = VirtualFileSystem.Major(superBlock.Device);
            result.sb_dev_minor = VirtualFileSystem.Minor(superBlock.Device);
            _ = superBlock.GetStatistics(task, out FileSystemStatistics statistics);
            result.sb_magic = (ulong)statistics.Magic;
            result.sb_flags = (uint)(superBlock.Flags & Shown);
        }

        if ((wanted & MountFlags.STATMOUNT_MNT_BASIC) != 0)
        {
            Mount parent = mount.Parent ?? mount;
            result.mnt_id = mount.UniqueId;
            result.mnt_id_old = (uint)mount.Id;
            result.mnt_parent_id = parent.UniqueId;
            result.mnt_parent_id_old = (uint)parent.Id;
            result.mnt_attr = AttributesOf(mount.Flags);
            result.mnt_propagation = mount.Peers is not null ? MountFlags.MS_SHARED : 0;
            result.mnt_propagation |= mount.Master is not null ? MountFlags.MS_SLAVE : 0;
            result.mnt_propagation |= mount.IsUnbindable ? MountFlags.MS_UNBINDABLE : 0;
            result.mnt_propagation = result.mnt_propagation == 0 ? MountFlags.MS_PRIVATE : result.mnt_propagation;
            result.mnt_peer_group = (ulong)(mount.Peers?.Id ?? 0);
            result.mnt_master = (ulong)(mount.Master?.Id ?? 0);
        }

        const ulong Always = MountFlags.STATMOUNT_SB_BASIC | MountFlags.STATMOUNT_MNT_BASIC
            | MountFlags.STATMOUNT_PROPAGATE_FROM | MountFlags.STATMOUNT_MNT_NS_ID
            | MountFlags.STATMOUNT_SUPPORTED_MASK;
        result.propagate_from = (wanted & MountFlags.STATMOUNT_PROPAGATE_FROM) != 0 && mount.Master is { } master
            ? (ulong)master.Id : 0;
        result.mnt_ns_id = (wanted & MountFlags.STATMOUNT_MNT_NS_ID) != 0 ? space.InodeNumber : 0;
        result.supported_mask = (wanted & MountFlags.STATMOUNT_SUPPORTED_MASK) != 0 ? Supported : 0;
        result.mask = wanted & Always;
    }

    private static void FillTexts(
        MountNamespace space, Mount mount, VfsPath reader, ulong wanted, ref Statmount result, StringBuilder text)
    {
        if ((wanted & MountFlags.STATMOUNT_FS_TYPE) != 0)
        {
            result.fs_type = Append(text, mount.SuperBlock.Type.Name);
        }

        if ((wanted & MountFlags.STATMOUNT_MNT_ROOT) != 0)
        {
            result.mnt_root = Append(text, MountNamespace.RootOf(mount));
        }

        if ((wanted & MountFlags.STATMOUNT_MNT_POINT) != 0)
        {
            result.mnt_point = Append(text, space.PlaceOf(mount, reader));
        }

        string options = mount.SuperBlock.Options;
        if ((wanted & MountFlags.STATMOUNT_MNT_OPTS) != 0 && options.Length != 0)
        {
            result.mnt_opts = Append(text, options);
            result.mask |= MountFlags.STATMOUNT_MNT_OPTS;
        }

        string source = mount.SuperBlock.Source;
        if ((wanted & MountFlags.STATMOUNT_SB_SOURCE) != 0 && source.Length != 0)
        {
            result.sb_source = Append(text, source);
            result.mask |= MountFlags.STATMOUNT_SB_SOURCE;
        }

        const ulong Always = MountFlags.STATMOUNT_FS_TYPE | MountFlags.STATMOUNT_MNT_ROOT
            | MountFlags.STATMOUNT_MNT_POINT;
        result.mask |= wanted & Always;
    }

    private static uint Append(StringBuilder text, string value)
    {
        uint offset = (uint)text.Length;
        text.Append(value).Append('\0');
        return offset;
    }

    private static ulong AttributesOf(uint flags)
    {
        ulong result = (flags & MountFlags.MS_RDONLY) != 0 ? MountFlags.MOUNT_ATTR_RDONLY : 0;
        result |= (flags & MountFlags.MS_NOSUID) != 0 ? MountFlags.MOUNT_ATTR_NOSUID : 0;
        result |= (flags & MountFlags.MS_NODEV) != 0 ? MountFlags.MOUNT_ATTR_NODEV : 0;
        result |= (flags & MountFlags.MS_NOEXEC) != 0 ? MountFlags.MOUNT_ATTR_NOEXEC : 0;
        result |= (flags & MountFlags.MS_NODIRATIME) != 0 ? MountFlags.MOUNT_ATTR_NODIRATIME : 0;
        result |= (flags & MountFlags.MS_NOSYMFOLLOW) != 0 ? MountFlags.MOUNT_ATTR_NOSYMFOLLOW : 0;
        if ((flags & MountFlags.MS_NOATIME) != 0)
        {
            return result | MountFlags.MOUNT_ATTR_NOATIME;
        }

        return (flags & MountFlags.MS_RELATIME) != 0 ? result : result | MountFlags.MOUNT_ATTR_STRICTATIME;
    }

    private static SyscallResult WriteStatMount(
        Task task, ref Statmount result, StringBuilder text, GuestAddress address, ulong room)
    {
        bool hasText = text.Length > 1;
        int textBytes = hasText ? text.Length : 0;
        if (hasText && room < (ulong)(FixedBytes + textBytes))
        {
            return Errno.EOVERFLOW;
        }

        result.size = (uint)((int)Math.Min(room, FixedBytes) + textBytes);
        byte[] all = new byte[FixedBytes + textBytes];
        RawMemory.ReadOnlyBytes(in result).CopyTo(all);
        Encoding.Latin1.GetBytes(text.ToString(0, textBytes), all.AsSpan(FixedBytes));
        return task.Mm.CopyOut(address, all.AsSpan(0, (int)Math.Min(room, (ulong)all.Length)));
    }
}
