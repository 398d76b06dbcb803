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

        if (!FitsLocked(source, place.Mount))
        {
            return Errno.ENOSPC;
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

    /// <summary>False when a namespace would get more than fs.mount-max mounts, copies by propagation
    /// included.</summary>
    private static bool FitsLocked(Mount source, Mount parent)
    {
        HashSet<Mount> receivers = [];
        CollectReceivers(parent, receivers);
        List<Mount> tree = [];
        CollectTree(source, tree);
        long added = (long)tree.Count * receivers.Count;
        return (parent.Namespace?.MountCount ?? 0) + added <= MountNamespace.MaxMounts;
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
        Mount skip,
        Mount source,
        Dentry mountpoint,
        List<(Mount Copy, Mount Target)> copies)
    {
        Queue<(PeerGroup Group, Mount Skip, Mount Source)> pending = new();
        pending.Enqueue((group, skip, source));
        while (pending.TryDequeue(out (PeerGroup Group, Mount Skip, Mount Source) next))
        {
            // The copies join the groups that they are made for.
            foreach (Mount peer in new List<Mount>(next.Group.Members))
            {
                if (peer != next.Skip && Shows(peer, mountpoint))
                {
                    Mount copy = CopyTreeLocked(next.Source, next.Source.Root, CloneKind.Copy, TreeScope.Bind, []);
                    copies.Add((copy, peer));
                }
            }

            HashSet<PeerGroup> done = [];
            foreach (Mount slave in new List<Mount>(next.Group.Slaves))
            {
                if (!Shows(slave, mountpoint) || (slave.Peers is { } known && !done.Add(known)))
                {
                    continue;
                }

                Mount copy = CopyTreeLocked(next.Source, next.Source.Root, CloneKind.Slave, TreeScope.Bind, []);
                copies.Add((copy, slave));
                if (slave.Peers is { } shared)
                {
                    MakeTreeShared(copy);
                    pending.Enqueue((shared, slave, copy));
                }
            }
        }
    }

    /// <summary>True when a mount of some namespace shows the dentry.</summary>
    private static bool Shows(Mount mount, Dentry dentry) =>
        mount.Namespace is not null && mount.SuperBlock == dentry.SuperBlock && dentry.IsBelowOrSame(mount.Root);

    /// <summary>Attaches a propagated copy; what was mounted there before now covers the copy.</summary>
    private static void AttachUnder(Mount copy, Mount target, Dentry mountpoint)
    {
        // The copy alone: what covers it is in the namespace already, and may be a tree of any size.
        SetTreeNamespace(copy, target.Namespace);
        Mount? covering = target.FindChild(mountpoint);
        covering?.DetachLocked();
        copy.AttachLocked(target, mountpoint);
        covering?.AttachLocked(copy, copy.Root);
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
    internal static void CollectReceivers(Mount mount, HashSet<Mount> receivers)
    {
        HashSet<PeerGroup> groups = [];
        Queue<Mount> pending = new();
        pending.Enqueue(mount);
        while (pending.TryDequeue(out Mount? next))
        {
            receivers.Add(next);
            if (next.Peers is not { } group || !groups.Add(group))
            {
                continue;
            }

            receivers.UnionWith(group.Members);
            foreach (Mount slave in group.Slaves)
            {
                pending.Enqueue(slave);
            }
        }
    }
}
