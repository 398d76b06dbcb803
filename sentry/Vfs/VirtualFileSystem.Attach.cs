using System.Collections.Generic;
using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>Attaching trees of mounts with propagation (Documentation/filesystems/sharedsubtree.rst).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>
    /// Attaches a detached tree at a place and wherever the place's mount propagates to. ENOTDIR when only one of the
    /// two is a directory, ENOENT when the
    /// place was removed. Caller: Rename and Mount locks.
    /// </summary>
    private Errno AttachTreeLocked(Mount source, VfsPath place)
    {
        bool isDirectory = source.Root.IsDirectory;
        if (isDirectory != place.Dentry.IsDirectory)
        {
            return Errno.ENOTDIR;
        }

        Errno errno = KeepForMount(place.Dentry);
        if (errno != Errno.None)
        {
            return errno;
        }

        List<(Mount Copy, Mount Target)> copies = [];
        if (place.Mount.Peers is { } group)
        {
            MakeTreeShared(source);
            PropagateLocked(group, place.Mount, source, place.Dentry, copies);
        }

        source.AttachLocked(place.Mount, place.Dentry);
        SetTreeNamespace(source, place.Mount.Namespace);
        foreach ((Mount copy, Mount target) in copies)
        {
            AttachUnder(copy, target, place.Dentry);
        }

        BumpMountSequence();
        return Errno.None;
    }

    private static void MakeTreeShared(Mount source)
    {
        List<Mount> mounts = [];
        CollectTree(source, mounts);
        foreach (Mount mount in mounts)
        {
            if (!mount.IsShared)
            {
                mount.MakeSharedLocked();
            }
        }
    }

    /// <summary>
    /// Copies a tree for every mount that receives from a group: peers of the place get peers of the tree, slaves get
    /// slaves of it, and slaves
    /// that are shared among themselves get copies that are too.
    /// </summary>
    private static void PropagateLocked(
        PeerGroup group,
        Mount? skip,
        Mount source,
        Dentry mountpoint,
        List<(Mount Copy, Mount Target)> copies)
    {
        foreach (Mount peer in group.Members)
        {
            if (peer != skip && Shows(peer, mountpoint))
            {
                copies.Add((CopyTreeLocked(source, source.Root, CloneKind.Copy, TreeScope.Bind, []), peer));
            }
        }

        HashSet<PeerGroup> done = [];
        foreach (Mount slave in group.Slaves)
        {
            if (!Shows(slave, mountpoint) || (slave.Peers is { } known && !done.Add(known)))
            {
                continue;
            }

            Mount copy = CopyTreeLocked(source, source.Root, CloneKind.Slave, TreeScope.Bind, []);
            copies.Add((copy, slave));
            if (slave.Peers is { } shared)
            {
                MakeTreeShared(copy);
                PropagateLocked(shared, slave, copy, mountpoint, copies);
            }
        }
    }

    /// <summary>True when a mount of some namespace shows the dentry.</summary>
    private static bool Shows(Mount mount, Dentry dentry) =>
        mount.Namespace is not null && mount.SuperBlock == dentry.SuperBlock && dentry.IsBelowOrSame(mount.Root);

    /// <summary>Attaches a propagated copy; what was mounted there before now covers the copy.</summary>
    private static void AttachUnder(Mount copy, Mount target, Dentry mountpoint)
    {
        Mount? covering = target.FindChild(mountpoint);
        covering?.DetachLocked();
        copy.AttachLocked(target, mountpoint);
        covering?.AttachLocked(copy, copy.Root);
        SetTreeNamespace(copy, target.Namespace);
    }

    private static void SetTreeNamespace(Mount top, MountNamespace? space)
    {
        List<Mount> mounts = [];
        CollectTree(top, mounts);
        foreach (Mount mount in mounts)
        {
            mount.SetNamespace(space);
        }
    }

    /// <summary>Every mount that receives events from this one, itself included.</summary>
    private static void CollectReceivers(Mount mount, HashSet<Mount> receivers)
    {
        if (!receivers.Add(mount) || mount.Peers is not { } group)
        {
            return;
        }

        foreach (Mount peer in group.Members)
        {
            receivers.Add(peer);
        }

        foreach (Mount slave in group.Slaves)
        {
            CollectReceivers(slave, receivers);
        }
    }
}
