using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>mount(2), umount2(2), pivot_root(2).</summary>
public static partial class MountSyscalls
{
    private const uint AccessTimeFlags = MountFlags.MS_NOATIME | MountFlags.MS_NODIRATIME | MountFlags.MS_RELATIME
        | MountFlags.MS_STRICTATIME;

    private const uint PropagationFlags = MountFlags.MS_SHARED | MountFlags.MS_PRIVATE | MountFlags.MS_SLAVE
        | MountFlags.MS_UNBINDABLE;

    private const int UnmountFlags = UmountFlags.MNT_FORCE | UmountFlags.MNT_DETACH | UmountFlags.MNT_EXPIRE
        | UmountFlags.UMOUNT_NOFOLLOW;

    private const int PageBytes = 4096;

    /// <summary>
    /// int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
    /// </summary>
    public static SyscallResult Mount(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(3);
        flags = (flags & MountFlags.MS_MGC_MSK) == MountFlags.MS_MGC_VAL ? flags & ~MountFlags.MS_MGC_MSK : flags;
        MountRequest request = new() { Flags = flags };
        Errno errno = ReadOptional(task, args.Address(2), out request.Type);
        errno = errno != Errno.None ? errno : ReadOptional(task, args.Address(0), out request.Source);
        errno = errno != Errno.None ? errno : ReadData(task, args.Address(4), out request.Data);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = PathArgument.Read(task, args.Address(1), out ReadOnlySpan<char> target);
        errno = errno != Errno.None
            ? errno
            : task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, target, LookupFlags.Follow, out request.Place);
        if (errno != Errno.None)
        {
            return errno;
        }

        return MayMount(task) ? Dispatch(task, in request) : Errno.EPERM;
    }

    /// <summary>int umount2(const char *target, int flags)</summary>
    public static SyscallResult Unmount(Task task, in SyscallArguments args)
    {
        int flags = args.Int(1);
        if ((flags & ~UnmountFlags) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = PathArgument.Read(task, args.Address(0), out ReadOnlySpan<char> path);
        if (errno != Errno.None)
        {
            return errno;
        }

        LookupFlags lookup = (flags & UmountFlags.UMOUNT_NOFOLLOW) != 0 ? LookupFlags.None : LookupFlags.Follow;
        errno = task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, lookup, out VfsPath place);
        if (errno != Errno.None)
        {
            return errno;
        }

        return MayMount(task) ? task.Kernel.Vfs.Unmount(task, VirtualFileSystem.TopOf(place), flags) : Errno.EPERM;
    }

    /// <summary>int pivot_root(const char *new_root, const char *put_old)</summary>
    public static SyscallResult PivotRoot(Task task, in SyscallArguments args)
    {
        if (!MayMount(task))
        {
            return Errno.EPERM;
        }

        const LookupFlags Flags = LookupFlags.Follow | LookupFlags.Directory;
        Errno errno = FindPlace(task, args.Address(0), Flags, out VfsPath newRoot);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = FindPlace(task, args.Address(1), Flags, out VfsPath putOld);
        return errno != Errno.None ? errno : task.Kernel.Vfs.PivotRoot(task, newRoot, putOld);
    }

    /// <summary>CAP_SYS_ADMIN over the mount namespace.</summary>
    internal static bool MayMount(Task task) =>
        task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, task.MountNamespace.Owner);

    private static SyscallResult Dispatch(Task task, in MountRequest request)
    {
        VirtualFileSystem vfs = task.Kernel.Vfs;
        uint flags = request.Flags;
        uint mountFlags = MountFlagsOf(in request);
        MountScope scope = (flags & MountFlags.MS_REC) != 0 ? MountScope.Recursive : MountScope.Single;
        const uint RemountBind = MountFlags.MS_REMOUNT | MountFlags.MS_BIND;
        if ((flags & RemountBind) == RemountBind)
        {
            return vfs.RemountBind(task, request.Place, mountFlags);
        }

        if ((flags & MountFlags.MS_REMOUNT) != 0)
        {
            return vfs.Remount(task, request.Place, flags, mountFlags, request.Data);
        }

        if ((flags & MountFlags.MS_BIND) != 0)
        {
            Errno errno = FindSource(task, request.Source, out VfsPath source);
            return errno != Errno.None ? errno : vfs.Bind(task, source, request.Place, scope);
        }

        if ((flags & PropagationFlags) != 0)
        {
            return ChangePropagation(task, in request, scope);
        }

        if ((flags & MountFlags.MS_MOVE) != 0)
        {
            Errno errno = FindSource(task, request.Source, out VfsPath source);
            return errno != Errno.None ? errno : vfs.Move(task, source, request.Place);
        }

        if (request.Type.Length == 0)
        {
            return Errno.EINVAL;
        }

        string shown = request.Source.Length == 0 ? "none" : request.Source;
        return vfs.MountNew(task, request.Place, request.Type, shown, flags, mountFlags, request.Data);
    }

    /// <summary>One type, perhaps with MS_REC and MS_SILENT, and nothing else (flags_to_propagation_type).</summary>
    private static SyscallResult ChangePropagation(Task task, in MountRequest request, MountScope scope)
    {
        PropagationType? type = (request.Flags & ~(MountFlags.MS_REC | MountFlags.MS_SILENT)) switch
        {
            MountFlags.MS_SHARED => PropagationType.Shared,
            MountFlags.MS_PRIVATE => PropagationType.Private,
            MountFlags.MS_SLAVE => PropagationType.Slave,
            MountFlags.MS_UNBINDABLE => PropagationType.Unbindable,
            _ => null,
        };
        return type is { } known
            ? task.Kernel.Vfs.ChangePropagation(task, request.Place, known, scope)
            : Errno.EINVAL;
    }

    /// <summary>
    /// Flags of the mount: relatime unless told otherwise; a remount that says nothing about access times keeps them.
    /// </summary>
    private static uint MountFlagsOf(in MountRequest request)
    {
        uint flags = request.Flags;
        bool keeps = (flags & MountFlags.MS_REMOUNT) != 0 && (flags & AccessTimeFlags) == 0;
        if (keeps)
        {
            return (flags & ~AccessTimeFlags) | (request.Place.Mount.Flags & AccessTimeFlags);
        }

        if ((flags & MountFlags.MS_STRICTATIME) != 0)
        {
            return flags & ~(MountFlags.MS_RELATIME | MountFlags.MS_NOATIME);
        }

        return (flags & MountFlags.MS_NOATIME) != 0 ? flags & ~MountFlags.MS_RELATIME : flags | MountFlags.MS_RELATIME;
    }

    private static Errno FindSource(Task task, string source, out VfsPath place)
    {
        place = default;
        return source.Length == 0
            ? Errno.EINVAL
            : task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, source, LookupFlags.Follow, out place);
    }

    private static Errno FindPlace(Task task, GuestAddress address, LookupFlags flags, out VfsPath place)
    {
        place = default;
        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        return errno != Errno.None ? errno : task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, flags, out place);
    }

    private static Errno ReadOptional(Task task, GuestAddress address, out string text)
    {
        text = "";
        return address.IsNull ? Errno.None : task.Mm.ReadString(address, PageBytes, out text);
    }

    /// <summary>Options: a string in at most a page, which may end where memory does (copy_mount_options).</summary>
    private static Errno ReadData(Task task, GuestAddress address, out string data)
    {
        data = "";
        if (address.IsNull)
        {
            return Errno.None;
        }

        byte[] bytes = new byte[PageBytes];
        Errno errno = task.Mm.CopyInPartial(address, bytes, out int length);
        if (length == 0)
        {
            return errno != Errno.None ? errno : Errno.EFAULT;
        }

        int end = Array.IndexOf(bytes, (byte)0, 0, length);
        data = System.Text.Encoding.Latin1.GetString(bytes, 0, end < 0 ? length : end);
        return Errno.None;
    }

    /// <summary>Arguments of one mount(2).</summary>
    private struct MountRequest
    {
        internal uint Flags;
        internal string Type;
        internal string Source;
        internal string Data;
        internal VfsPath Place;
    }
}
