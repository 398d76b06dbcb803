using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>fsopen(2), fsconfig(2), fsmount(2), fspick(2), open_tree(2), move_mount(2), mount_setattr(2).</summary>
public static class MountApiSyscalls
{
    private const int MaxTextBytes = 256;
    private const uint OpenTreeFlags = MountFlags.OPEN_TREE_CLONE | MountFlags.OPEN_TREE_CLOEXEC
        | Fcntl.AT_EMPTY_PATH | Fcntl.AT_NO_AUTOMOUNT | Fcntl.AT_RECURSIVE | Fcntl.AT_SYMLINK_NOFOLLOW;

    private const uint FsPickFlags = MountFlags.FSPICK_CLOEXEC | MountFlags.FSPICK_SYMLINK_NOFOLLOW
        | MountFlags.FSPICK_NO_AUTOMOUNT | MountFlags.FSPICK_EMPTY_PATH;

    private const uint MoveMountFlags = MountFlags.MOVE_MOUNT_F_SYMLINKS | MountFlags.MOVE_MOUNT_F_AUTOMOUNTS
        | MountFlags.MOVE_MOUNT_F_EMPTY_PATH | MountFlags.MOVE_MOUNT_T_SYMLINKS | MountFlags.MOVE_MOUNT_T_AUTOMOUNTS
        | MountFlags.MOVE_MOUNT_T_EMPTY_PATH;

    private const ulong KnownAttributes = MountFlags.MOUNT_ATTR_RDONLY | MountFlags.MOUNT_ATTR_NOSUID
        | MountFlags.MOUNT_ATTR_NODEV | MountFlags.MOUNT_ATTR_NOEXEC | MountFlags.MOUNT_ATTR__ATIME
        | MountFlags.MOUNT_ATTR_NODIRATIME | MountFlags.MOUNT_ATTR_NOSYMFOLLOW;

    /// <summary>int fsopen(const char *fsname, unsigned int flags)</summary>
    public static SyscallResult FsOpen(Task task, in SyscallArguments args)
    {
        if (!MountSyscalls.MayMount(task))
        {
            return Errno.EPERM;
        }

        if ((args.UInt(1) & ~MountFlags.FSOPEN_CLOEXEC) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.ReadString(args.Address(0), MaxTextBytes, out string name);
        if (errno != Errno.None)
        {
            return errno == Errno.ENAMETOOLONG ? Errno.EINVAL : errno;
        }

        return task.Kernel.Vfs.TryGetFileSystem(name, out FileSystemType? type)
            ? Install(task, new ConfigurationDescription(task.Kernel, type!), args.UInt(1))
            : Errno.ENODEV;
    }

    /// <summary>int fspick(int dirfd, const char *path, unsigned int flags)</summary>
    public static SyscallResult FsPick(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(2);
        if ((flags & ~FsPickFlags) != 0)
        {
            return Errno.EINVAL;
        }

        if (!MountSyscalls.MayMount(task))
        {
            return Errno.EPERM;
        }

        LookupFlags lookup = (flags & MountFlags.FSPICK_SYMLINK_NOFOLLOW) != 0 ? LookupFlags.None : LookupFlags.Follow;
        lookup |= (flags & MountFlags.FSPICK_EMPTY_PATH) != 0 ? LookupFlags.AllowEmpty : LookupFlags.None;
        Errno errno = Find(task, args.Int(0), args.Address(1), lookup, out VfsPath place);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (place.Dentry != place.Mount.Root)
        {
            return Errno.EINVAL;
        }

        return Install(task, new ConfigurationDescription(task.Kernel, place.Mount.SuperBlock), flags);
    }

    /// <summary>int fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux)</summary>
    public static SyscallResult FsConfig(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { } file)
        {
            return Errno.EBADF;
        }

        if (file is not ConfigurationDescription configuration)
        {
            return Errno.EINVAL;
        }

        bool hasKey = !args.Address(2).IsNull;
        bool hasValue = !args.Address(3).IsNull;
        switch (args.UInt(1))
        {
            case MountFlags.FSCONFIG_SET_FLAG:
                return hasKey && !hasValue && args.Int(4) == 0
                    ? Set(task, configuration, in args, ValueKind.None)
                    : Errno.EINVAL;
            case MountFlags.FSCONFIG_SET_STRING:
                return hasKey && hasValue && args.Int(4) == 0
                    ? Set(task, configuration, in args, ValueKind.Text)
                    : Errno.EINVAL;
            case MountFlags.FSCONFIG_CMD_CREATE or MountFlags.FSCONFIG_CMD_CREATE_EXCL:
                return hasKey || hasValue || args.Int(4) != 0 ? Errno.EINVAL : configuration.Create(task);
            case MountFlags.FSCONFIG_CMD_RECONFIGURE:
                return hasKey || hasValue || args.Int(4) != 0 ? Errno.EINVAL : configuration.Reconfigure(task);
            default:
                return Errno.EOPNOTSUPP;
        }
    }

    /// <summary>int fsmount(int fd, unsigned int flags, unsigned int attr_flags)</summary>
    public static SyscallResult FsMount(Task task, in SyscallArguments args)
    {
        if (!MountSyscalls.MayMount(task))
        {
            return Errno.EPERM;
        }

        bool known = (args.UInt(1) & ~MountFlags.FSMOUNT_CLOEXEC) == 0 && (args.UInt(2) & ~KnownAttributes) == 0;
        if (!known || !TryDecode(args.UInt(2), out uint flags))
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { } file)
        {
            return Errno.EBADF;
        }

        if (file is not ConfigurationDescription configuration || configuration.Take() is not { } superBlock)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Kernel.Vfs.MakeMount(task, superBlock, flags, out Mount? mount);
        return errno != Errno.None ? errno : InstallTree(task, mount!, args.UInt(1));
    }

    /// <summary>int open_tree(int dirfd, const char *path, unsigned int flags)</summary>
    public static SyscallResult OpenTree(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(2);
        bool clones = (flags & MountFlags.OPEN_TREE_CLONE) != 0;
        bool recursive = (flags & Fcntl.AT_RECURSIVE) != 0;
        if ((flags & ~OpenTreeFlags) != 0 || (recursive && !clones))
        {
            return Errno.EINVAL;
        }

        if (clones && !MountSyscalls.MayMount(task))
        {
            return Errno.EPERM;
        }

        LookupFlags lookup = PathArgument.FromAtFlags((int)flags);
        Errno errno = Find(task, args.Int(0), args.Address(1), lookup, out VfsPath place);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!clones)
        {
            OpenRequest request = new(Fcntl.O_PATH, 0, LookupFlags.None);
            errno = task.Kernel.Vfs.OpenPath(task, place, in request, out FileDescription? opened);
            return errno != Errno.None ? errno : Install(task, opened!, CloseFlag(flags));
        }

        MountScope scope = recursive ? MountScope.Recursive : MountScope.Single;
        errno = task.Kernel.Vfs.CloneDetached(task, place, scope, out Mount? copy);
        return errno != Errno.None ? errno : InstallTree(task, copy!, CloseFlag(flags));
    }

    /// <summary>
    /// int move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path, unsigned int flags)
    /// </summary>
    public static SyscallResult MoveMount(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(4);
        if (!MountSyscalls.MayMount(task))
        {
            return Errno.EPERM;
        }

        if ((flags & ~MoveMountFlags) != 0)
        {
            return Errno.EINVAL;
        }

        LookupFlags lookup = (flags & MountFlags.MOVE_MOUNT_F_SYMLINKS) != 0 ? LookupFlags.Follow : LookupFlags.None;
        lookup |= (flags & MountFlags.MOVE_MOUNT_F_EMPTY_PATH) != 0 ? LookupFlags.AllowEmpty : LookupFlags.None;
        Errno errno = Find(task, args.Int(0), args.Address(1), lookup, out VfsPath from);
        if (errno != Errno.None)
        {
            return errno;
        }

        lookup = (flags & MountFlags.MOVE_MOUNT_T_SYMLINKS) != 0 ? LookupFlags.Follow : LookupFlags.None;
        lookup |= (flags & MountFlags.MOVE_MOUNT_T_EMPTY_PATH) != 0 ? LookupFlags.AllowEmpty : LookupFlags.None;
        errno = Find(task, args.Int(2), args.Address(3), lookup, out VfsPath to);
        if (errno != Errno.None)
        {
            return errno;
        }

        VirtualFileSystem vfs = task.Kernel.Vfs;
        bool isDetached = from.Mount.Namespace is null && from.Mount.Parent is null && from.Dentry == from.Mount.Root;
        return isDetached ? vfs.Attach(task, from.Mount, to) : vfs.Move(task, from, to);
    }

    /// <summary>
    /// int mount_setattr(int dirfd, const char *path, unsigned int flags, struct mount_attr *attr, size_t size)
    /// </summary>
    public static SyscallResult MountSetAttr(Task task, in SyscallArguments args)
    {
        const int Known = Fcntl.AT_EMPTY_PATH | Fcntl.AT_RECURSIVE | Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT;
        if ((args.Int(2) & ~Known) != 0 || args[4] < MountFlags.MOUNT_ATTR_SIZE_VER0)
        {
            return Errno.EINVAL;
        }

        if (!MountSyscalls.MayMount(task))
        {
            return Errno.EPERM;
        }

        Errno errno = task.Mm.Read(args.Address(3), out MountAttr change);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = Decode(in change, out uint set, out uint clear, out PropagationType? type);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = Find(task, args.Int(0), args.Address(1), PathArgument.FromAtFlags(args.Int(2)), out VfsPath place);
        MountScope scope = (args.Int(2) & Fcntl.AT_RECURSIVE) != 0 ? MountScope.Recursive : MountScope.Single;
        return errno != Errno.None ? errno : task.Kernel.Vfs.ChangeMounts(task, place, set, clear, type, scope);
    }

    /// <summary>
    /// EINVAL for what is not known, for access-time bits set without the whole group cleared, and for more than one
    /// propagation type;
    /// EPERM for id-mapped mounts.
    /// </summary>
    private static Errno Decode(in MountAttr change, out uint set, out uint clear, out PropagationType? type)
    {
        set = 0;
        clear = 0;
        type = null;
        if (((change.attr_set | change.attr_clr) & MountFlags.MOUNT_ATTR_IDMAP) != 0)
        {
            return Errno.EPERM;
        }

        bool known = ((change.attr_set | change.attr_clr) & ~KnownAttributes) == 0;
        ulong clearedTimes = change.attr_clr & MountFlags.MOUNT_ATTR__ATIME;
        bool setsTimes = (change.attr_set & MountFlags.MOUNT_ATTR__ATIME) != 0;
        bool timesValid = clearedTimes == MountFlags.MOUNT_ATTR__ATIME || (clearedTimes == 0 && !setsTimes);
        if (!known || !timesValid || !TryDecode(change.attr_set, out set))
        {
            return Errno.EINVAL;
        }

        TryDecode(change.attr_clr & ~MountFlags.MOUNT_ATTR__ATIME, out clear);
        const uint AccessTimes = MountFlags.MS_NOATIME | MountFlags.MS_RELATIME;
        clear = clearedTimes != 0 ? clear | AccessTimes : clear & ~AccessTimes;
        set = clearedTimes != 0 ? set : set & ~AccessTimes;
        type = change.propagation switch
        {
            MountFlags.MS_SHARED => PropagationType.Shared,
            MountFlags.MS_PRIVATE => PropagationType.Private,
            MountFlags.MS_SLAVE => PropagationType.Slave,
            MountFlags.MS_UNBINDABLE => PropagationType.Unbindable,
            _ => null,
        };
        return type is null && change.propagation != 0 ? Errno.EINVAL : Errno.None;
    }

    /// <summary>MOUNT_ATTR_* as MS_* bits; false for two answers about access times.</summary>
    private static bool TryDecode(ulong attributes, out uint flags)
    {
        flags = (attributes & MountFlags.MOUNT_ATTR_RDONLY) != 0 ? MountFlags.MS_RDONLY : 0;
        flags |= (attributes & MountFlags.MOUNT_ATTR_NOSUID) != 0 ? MountFlags.MS_NOSUID : 0;
        flags |= (attributes & MountFlags.MOUNT_ATTR_NODEV) != 0 ? MountFlags.MS_NODEV : 0;
        flags |= (attributes & MountFlags.MOUNT_ATTR_NOEXEC) != 0 ? MountFlags.MS_NOEXEC : 0;
        flags |= (attributes & MountFlags.MOUNT_ATTR_NODIRATIME) != 0 ? MountFlags.MS_NODIRATIME : 0;
        flags |= (attributes & MountFlags.MOUNT_ATTR_NOSYMFOLLOW) != 0 ? MountFlags.MS_NOSYMFOLLOW : 0;
        switch (attributes & MountFlags.MOUNT_ATTR__ATIME)
        {
            case MountFlags.MOUNT_ATTR_RELATIME:
                flags |= MountFlags.MS_RELATIME;
                return true;
            case MountFlags.MOUNT_ATTR_NOATIME:
                flags |= MountFlags.MS_NOATIME;
                return true;
            case MountFlags.MOUNT_ATTR_STRICTATIME:
                return true;
            default:
                return false;
        }
    }

    private static SyscallResult Set(
        Task task,
        ConfigurationDescription target,
        in SyscallArguments args,
        ValueKind kind)
    {
        Errno errno = task.Mm.ReadString(args.Address(2), MaxTextBytes, out string key);
        string value = "";
        if (errno == Errno.None && kind == ValueKind.Text)
        {
            errno = task.Mm.ReadString(args.Address(3), MaxTextBytes, out value);
        }

        if (errno != Errno.None)
        {
            return errno == Errno.ENAMETOOLONG ? Errno.EINVAL : errno;
        }

        return target.Set(key, kind == ValueKind.Text ? value : null);
    }

    private static Errno Find(Task task, int directoryFd, GuestAddress address, LookupFlags flags, out VfsPath place)
    {
        place = default;
        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        return errno != Errno.None ? errno : task.Kernel.Vfs.Lookup(task, directoryFd, path, flags, out place);
    }

    private static SyscallResult InstallTree(Task task, Mount mount, uint flags)
    {
        DetachedTreeDescription made = new(task.Kernel.Vfs, mount);
        Inode inode = made.Inode;
        if (!inode.TryReference())
        {
            return Errno.ESTALE;
        }

        made.Bind(mount.RootPath, inode, WriteAccess.None);
        return Install(task, made, flags);
    }

    /// <summary>open_tree's own close-on-exec bit as that of the other calls.</summary>
    private static uint CloseFlag(uint openTreeFlags) =>
        (openTreeFlags & MountFlags.OPEN_TREE_CLOEXEC) != 0 ? MountFlags.FSOPEN_CLOEXEC : 0;

    private static SyscallResult Install(Task task, FileDescription file, uint flags)
    {
        CloseOnExec closeOnExec = (flags & MountFlags.FSOPEN_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
        Errno errno = task.FdTable.InstallNew(task, file, closeOnExec, out int fd);
        return SyscallResult.From(errno, fd);
    }

    /// <summary>What comes with a key of fsconfig(2).</summary>
    private enum ValueKind
    {
        None,
        Text,
    }
}
