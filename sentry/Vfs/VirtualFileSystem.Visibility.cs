using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// What a fresh instance may bring to light. A container's masked and read-only paths of proc and sysfs are mounts on
/// one instance; a user namespace inside, which cannot take them away, must not get round them by mounting another
/// (fs/namespace.c, mount_too_revealing).
/// </summary>
public sealed partial class VirtualFileSystem
{
    private const uint AccessTimeFlags = MountFlags.MS_NOATIME | MountFlags.MS_NODIRATIME | MountFlags.MS_RELATIME;

    /// <summary>
    /// A detached mount of a whole instance, for mount(2) and fsmount(2). EPERM, and the instance is let go, where the
    /// task's mount namespace sees no other instance in full.
    /// </summary>
    internal Errno MakeMount(Task task, SuperBlock superBlock, uint flags, out Mount? mount)
    {
        mount = new Mount(superBlock, superBlock.RootDentry, flags);
        if (MayShow(task, mount))
        {
            return Errno.None;
        }

        mount.ReleaseIfUnused();
        mount = null;
        return Errno.EPERM;
    }

    /// <summary>True where nothing new comes to light; the mount gets the locks of the one that shows it all.</summary>
    private bool MayShow(Task task, Mount made)
    {
        MountNamespace space = task.MountNamespace;
        if (!made.SuperBlock.Type.NeedsVisibleInstance || space.Owner == task.Kernel.RootUserNamespace)
        {
            return true;
        }

        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            List<Mount> mounts = [];
            CollectTree(space.Root, mounts);
            foreach (Mount other in mounts)
            {
                if (other.SuperBlock.Type == made.SuperBlock.Type && ShowsAllLocked(other, made.Flags))
                {
                    made.LockedFlags |= other.LockedFlags & MountFlags.MS_RDONLY;
                    made.LocksAccessTimes |= other.LocksAccessTimes;
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// True for a mount of a whole instance that allows as much as one with these flags would and has nothing locked
    /// on it that hides more than an empty directory (mnt_already_visible). Caller: Mount lock.
    /// </summary>
    private static bool ShowsAllLocked(Mount mount, uint flags)
    {
        bool isReadOnly = (mount.LockedFlags & MountFlags.MS_RDONLY) != 0 || mount.SuperBlock.IsReadOnly;
        bool differs = mount.LocksAccessTimes && ((mount.Flags ^ flags) & AccessTimeFlags) != 0;
        if (mount.Root != mount.SuperBlock.RootDentry || (isReadOnly && (flags & MountFlags.MS_RDONLY) == 0) || differs)
        {
            return false;
        }

        foreach (Mount child in mount.Children)
        {
            if (child.IsLocked && child.Mountpoint.Dentry.Inode is not { IsAlwaysEmpty: true })
            {
                return false;
            }
        }

        return true;
    }
}
