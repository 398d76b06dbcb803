using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Changes of mounts in place: MS_REMOUNT, mount_setattr(2), pivot_root(2).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>
    /// MS_REMOUNT|MS_BIND: changes the flags of one mount. EPERM for a locked flag, EBUSY for files open for writing.
    /// </summary>
    public Errno RemountBind(Task task, VfsPath place, uint flags)
    {
        Errno errno = CheckRemount(task, place);
        return errno != Errno.None ? errno : SetMountFlags(task, place.Mount, flags);
    }

    /// <summary>MS_REMOUNT: changes the options of the instance and the flags of the mount.</summary>
    public Errno Remount(Task task, VfsPath place, ulong superFlags, uint flags, string data)
    {
        Errno errno = CheckRemount(task, place);
        if (errno != Errno.None)
        {
            return errno;
        }

        SuperBlock superBlock = place.Mount.SuperBlock;
        UserNamespace owner = superBlock.UserNamespace ?? task.Kernel.RootUserNamespace;
        if (!task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, owner))
        {
            return Errno.EPERM;
        }

        errno = Reconfigure(task, superBlock, superFlags, data);
        return errno != Errno.None ? errno : SetMountFlags(task, place.Mount, flags);
    }

    /// <summary>
    /// New options and flags of an instance. EBUSY when it is to be read-only while files are open for writing.
    /// </summary>
    internal static Errno Reconfigure(Task task, SuperBlock superBlock, ulong superFlags, string data)
    {
        bool becomesReadOnly = (superFlags & MountFlags.MS_RDONLY) != 0 && !superBlock.IsReadOnly;
        if (becomesReadOnly && superBlock.HasWriters)
        {
            return Errno.EBUSY;
        }

        Errno errno = superBlock.Remount(task, data);
        if (errno == Errno.None)
        {
            superBlock.Flags = (superBlock.Flags & ~(ulong)MountFlags.MS_RMT_MASK)
                | (superFlags & MountFlags.MS_RMT_MASK);
        }

        return errno;
    }

    private static Errno CheckRemount(Task task, VfsPath place)
    {
        bool isMount = place.Dentry == place.Mount.Root && place.Mount.Namespace == task.MountNamespace;
        return isMount ? Errno.None : Errno.EINVAL;
    }

    private Errno SetMountFlags(Task task, Mount mount, uint flags)
    {
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            Errno errno = CheckFlagsLocked(mount, flags);
            if (errno != Errno.None)
            {
                return errno;
            }

            mount.SetFlags(flags);
            BumpMountSequence();
        }

        task.MountNamespace.ReportChange();
        return Errno.None;
    }

    private static Errno CheckFlagsLocked(Mount mount, uint flags)
    {
        bool changesTimes = ((mount.Flags ^ flags) & AccessTimeFlags) != 0;
        if ((mount.LockedFlags & ~flags) != 0 || (mount.LocksAccessTimes && changesTimes))
        {
            return Errno.EPERM;
        }

        bool becomesReadOnly = (flags & MountFlags.MS_RDONLY) != 0 && (mount.Flags & MountFlags.MS_RDONLY) == 0;
        return becomesReadOnly && mount.HasWriters ? Errno.EBUSY : Errno.None;
    }

    /// <summary>
    /// mount_setattr(2): sets and clears flags and changes propagation of a mount or a tree, all or nothing.
    /// </summary>
    public Errno ChangeMounts(Task task, VfsPath place, uint set, uint clear, PropagationType? type, MountScope scope)
    {
        Mount top = place.Mount;
        bool ours = top.Namespace == task.MountNamespace || (top.Namespace is null && top.Parent is null);
        if (place.Dentry != top.Root || !ours)
        {
            return Errno.EINVAL;
        }

        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            List<Mount> mounts = TreeOrSingle(top, scope);
            foreach (Mount mount in mounts)
            {
                Errno errno = CheckFlagsLocked(mount, (mount.Flags & ~clear) | set);
                if (errno != Errno.None)
                {
                    return errno;
                }
            }

            foreach (Mount mount in mounts)
            {
                mount.SetFlags((mount.Flags & ~clear) | set);
                if (type is { } wanted)
                {
                    ChangePropagationLocked(mount, wanted);
                }
            }

            BumpMountSequence();
        }

        task.MountNamespace.ReportChange();
        return Errno.None;
    }

    /// <summary>
    /// pivot_root(2): <paramref name="newRoot"/> becomes "/" of the namespace, the old root moves to <paramref
    /// name="putOld"/>. EBUSY, EINVAL, ENOTDIR as in the man
    /// page; a namespace whose root has no parent may pivot too, which real systems see only at boot.
    /// </summary>
    public Errno PivotRoot(Task task, VfsPath newRoot, VfsPath putOld)
    {
        VfsPath root = task.FsContext.Root;
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            Errno errno = CheckPivot(task, root, newRoot, putOld);
            if (errno != Errno.None)
            {
                return errno;
            }

            errno = KeepForMount(putOld.Dentry);
            if (errno != Errno.None)
            {
                return errno;
            }

            VfsPath rootPlace = root.Mount.Mountpoint;
            newRoot.Mount.DetachLocked();
            root.Mount.DetachLocked();
            root.Mount.AttachLocked(putOld.Mount, putOld.Dentry);
            if (rootPlace.IsNone)
            {
                task.MountNamespace.SetRoot(newRoot.Mount);
            }
            else
            {
                newRoot.Mount.AttachLocked(rootPlace.Mount, rootPlace.Dentry);
            }

            BumpMountSequence();
        }

        foreach (FsContext context in SnapshotContexts())
        {
            context.MoveIfAt(root, newRoot);
        }

        task.MountNamespace.ReportChange();
        return Errno.None;
    }

    private static Errno CheckPivot(Task task, VfsPath root, VfsPath newRoot, VfsPath putOld)
    {
        MountNamespace space = task.MountNamespace;
        bool sharedParent = (newRoot.Mount.Parent?.IsShared ?? false) || (root.Mount.Parent?.IsShared ?? false);
        if (putOld.Mount.IsShared || sharedParent)
        {
            return Errno.EINVAL;
        }

        bool ours = root.Mount.Namespace == space && newRoot.Mount.Namespace == space
            && putOld.Mount.Namespace == space;
        if (!ours || newRoot.Mount.IsLocked)
        {
            return Errno.EINVAL;
        }

        if (newRoot.Dentry.IsUnlinked)
        {
            return Errno.ENOENT;
        }

        if (newRoot.Mount == root.Mount || putOld.Mount == root.Mount)
        {
            return Errno.EBUSY;
        }

        bool areRoots = root.Dentry == root.Mount.Root && newRoot.Dentry == newRoot.Mount.Root;
        bool placed = areRoots && newRoot.Mount.Parent is not null && IsReachable(putOld, newRoot)
            && IsReachable(newRoot, root);
        return placed ? Errno.None : Errno.EINVAL;
    }
}
