using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>umount2(2).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>
    /// Unmounts what is mounted at a place. EINVAL when it is no mount of the caller's namespace or is locked, EBUSY
    /// while in use, EAGAIN for the first
    /// MNT_EXPIRE. The caller has the capability.
    /// </summary>
    public Errno Unmount(Task task, VfsPath place, int flags)
    {
        Mount mount = place.Mount;
        if (place.Dentry != mount.Root || mount.Namespace != task.MountNamespace || mount.IsLocked)
        {
            return Errno.EINVAL;
        }

        bool isRoot = mount == task.FsContext.Root.Mount;
        if ((flags & UmountFlags.MNT_EXPIRE) != 0)
        {
            Errno expiry = CheckExpiry(mount, isRoot, flags);
            if (expiry != Errno.None)
            {
                return expiry;
            }
        }

        if (isRoot && (flags & UmountFlags.MNT_DETACH) == 0)
        {
            return MakeReadOnly(mount.SuperBlock);
        }

        if (mount.Parent is null)
        {
            return Errno.EINVAL;
        }

        return UnmountTree(mount, (flags & UmountFlags.MNT_DETACH) != 0 ? UnmountKind.Lazy : UnmountKind.IfUnused);
    }

    private static Errno CheckExpiry(Mount mount, bool isRoot, int flags)
    {
        if (isRoot || (flags & (UmountFlags.MNT_FORCE | UmountFlags.MNT_DETACH)) != 0)
        {
            return Errno.EINVAL;
        }

        if (mount.PinCount != 0)
        {
            return Errno.EBUSY;
        }

        if (mount.IsExpiring)
        {
            return Errno.None;
        }

        mount.IsExpiring = true;
        return Errno.EAGAIN;
    }

    /// <summary>umount of "/" only makes it read-only (do_umount_root).</summary>
    private static Errno MakeReadOnly(SuperBlock superBlock)
    {
        if (superBlock.HasWriters)
        {
            return Errno.EBUSY;
        }

        superBlock.Flags |= MountFlags.MS_RDONLY;
        return Errno.None;
    }

    /// <summary>How an unmount treats what is in use.</summary>
    private enum UnmountKind
    {
        /// <summary>EBUSY.</summary>
        IfUnused,

        /// <summary>MNT_DETACH: it goes out of sight now and away when its last user does.</summary>
        Lazy,
    }

    private Errno UnmountTree(Mount top, UnmountKind kind)
    {
        List<Mount> detached = [];
        HashSet<MountNamespace> changed = [];
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            List<Mount> doomed = [];
            CollectTree(top, doomed);
            if (kind == UnmountKind.IfUnused && (top.PinCount != 0 || doomed.Count > 1))
            {
                return Errno.EBUSY;
            }

            UnmountSet set = new(doomed);
            doomed = set.Mounts;
            if (kind == UnmountKind.IfUnused && doomed.Exists(static mount => mount.PinCount != 0))
            {
                return Errno.EBUSY;
            }

            foreach (Mount mount in doomed)
            {
                if (mount.Namespace is { } space)
                {
                    changed.Add(space);
                }
            }

            DetachLocked(set, detached);
        }

        ReleaseDetached(detached);
        Report(changed);
        return Errno.None;
    }

    private void DetachLocked(UnmountSet set, List<Mount> detached)
    {
        List<(Mount Cover, VfsPath Place)> covers = set.Covers();
        foreach (Mount mount in set.Mounts)
        {
            mount.DetachLocked();
            mount.SetNamespace(null);
            mount.MakePrivateLocked(PropagationType.Private);
            detached.Add(mount);
        }

        foreach ((Mount cover, VfsPath place) in covers)
        {
            cover.DetachLocked();
            cover.AttachLocked(place.Mount, place.Dentry);
        }

        BumpMountSequence();
    }

    private static void Report(HashSet<MountNamespace> changed)
    {
        foreach (MountNamespace space in changed)
        {
            space.ReportChange();
        }
    }
}
