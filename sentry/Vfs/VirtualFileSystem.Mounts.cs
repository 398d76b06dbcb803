using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>The mount tree: what every kind of mount and unmount shares.</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>Attaches a new mount at a place, without propagation.</summary>
    internal Errno AttachNew(Mount mount, VfsPath place)
    {
        Errno errno = KeepForMount(place.Dentry);
        if (errno != Errno.None)
        {
            return errno;
        }

        MountNamespace? owner = place.Mount.Namespace;
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            mount.SetNamespace(owner);
            mount.AttachLocked(place.Mount, place.Dentry);
            BumpMountSequence();
        }

        owner?.ReportChange();
        return Errno.None;
    }

    /// <summary>What is mounted on top of a place, if anything (a path that ends in "." stands below it).</summary>
    public static VfsPath TopOf(VfsPath place)
    {
        VfsPath at = place;
        while (at.Dentry.IsMountpoint && at.Mount.FindChild(at.Dentry) is { } mount)
        {
            at = mount.RootPath;
        }

        return at;
    }

    /// <summary>True when something is mounted on the dentry in the task's mount namespace.</summary>
    private static bool IsMountpointFor(Task task, Dentry dentry)
    {
        if (!dentry.IsMountpoint)
        {
            return false;
        }

        List<Mount> mounts = [];
        CollectTree(task.MountNamespace.Root, mounts);
        return mounts.Exists(mount => mount.Mountpoint.Dentry == dentry);
    }

    /// <summary>A mount and all below it, parents before children.</summary>
    internal static void CollectTree(Mount top, List<Mount> mounts)
    {
        // Mounts stack up as high as a guest likes: no recursion.
        int next = mounts.Count;
        mounts.Add(top);
        while (next < mounts.Count)
        {
            mounts.AddRange(mounts[next++].Children);
        }
    }

    /// <summary>
    /// Takes mounts out of the tree, children before parents. Caller: Rename and Mount locks; then <see
    /// cref="ReleaseDetached"/>.
    /// </summary>
    private void DetachTreeLocked(Mount top, List<Mount> detached)
    {
        int first = detached.Count;
        CollectTree(top, detached);
        for (int index = detached.Count - 1; index >= first; index--)
        {
            detached[index].DetachLocked();
            detached[index].SetNamespace(null);
            detached[index].MakePrivateLocked(PropagationType.Private);
        }

        BumpMountSequence();
    }

    /// <summary>Lets go of detached mounts that nobody uses. No lock is held.</summary>
    private static void ReleaseDetached(List<Mount> detached)
    {
        foreach (Mount mount in detached)
        {
            mount.ReleaseIfUnused();
        }
    }

    /// <summary>A name was removed: whatever namespaces of others had mounted there goes too (detach_mounts).</summary>
    private void DetachMountsOn(Dentry dentry)
    {
        if (!dentry.IsMountpoint)
        {
            return;
        }

        List<Mount> detached = [];
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            foreach (MountNamespace space in SnapshotNamespaces())
            {
                List<Mount> mounts = [];
                CollectTree(space.Root, mounts);
                foreach (Mount mount in mounts)
                {
                    if (mount.Mountpoint.Dentry == dentry)
                    {
                        DetachTreeLocked(mount, detached);
                    }
                }
            }
        }

        ReleaseDetached(detached);
    }

    /// <summary>The last user of a namespace is gone.</summary>
    internal void DissolveNamespace(MountNamespace space)
    {
        List<Mount> detached = [];
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            DetachTreeLocked(space.Root, detached);
            using (_registryLock.Enter())
            {
                _namespaces.Remove(space);
            }
        }

        ReleaseDetached(detached);
    }

    /// <summary>sync(2): every instance that is mounted somewhere; errors are nobody's.</summary>
    public void SyncAll(Task task)
    {
        foreach (SuperBlock instance in MountedInstances())
        {
            _ = instance.Sync(task);
        }
    }

    /// <summary>The instance with this device number that is mounted somewhere.</summary>
    internal SuperBlock? FindInstance(ulong device)
    {
        foreach (SuperBlock instance in MountedInstances())
        {
            if (instance.Device == device)
            {
                return instance;
            }
        }

        return null;
    }

    private HashSet<SuperBlock> MountedInstances()
    {
        HashSet<SuperBlock> instances = [];
        foreach (MountNamespace space in SnapshotNamespaces())
        {
            List<Mount> mounts = [];
            CollectTree(space.Root, mounts);
            foreach (Mount mount in mounts)
            {
                instances.Add(mount.SuperBlock);
            }
        }

        return instances;
    }

    /// <summary>The namespace whose nsfs file has this inode number.</summary>
    internal MountNamespace? FindNamespace(ulong inodeNumber) =>
        Array.Find(SnapshotNamespaces(), space => space.InodeNumber == inodeNumber);

    internal void Register(MountNamespace space)
    {
        using (_registryLock.Enter())
        {
            _namespaces.Add(space);
        }
    }

    private MountNamespace[] SnapshotNamespaces()
    {
        using (_registryLock.Enter())
        {
            return [.. _namespaces];
        }
    }
}
