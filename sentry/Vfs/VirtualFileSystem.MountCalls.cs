using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Whether an operation on mounts covers those below.</summary>
public enum MountScope
{
    /// <summary>One mount.</summary>
    Single,

    /// <summary>MS_REC, AT_RECURSIVE.</summary>
    Recursive,
}

/// <summary>Propagation types (mount_namespaces(7)).</summary>
public enum PropagationType
{
    Private,
    Shared,
    Slave,
    Unbindable,
}

/// <summary>mount(2) after its flags are decoded. The caller has CAP_SYS_ADMIN over the namespace.</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>
    /// Mounts an instance. ENODEV, EPERM, EBUSY (the same thing on top of itself), ENOTDIR, and the type's own
    /// errors.
    /// </summary>
    public Errno MountNew(
        Task task,
        VfsPath place,
        string typeName,
        string source,
        ulong superFlags,
        uint flags,
        string data)
    {
        if (!TryGetFileSystem(typeName, out FileSystemType? type))
        {
            return Errno.ENODEV;
        }

        Errno errno = MakeSuperBlock(task, type!, source, superFlags, data, out SuperBlock? superBlock);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool same = place.Mount.SuperBlock == superBlock && place.Mount.Root == place.Dentry;
        if (same)
        {
            return Errno.EBUSY;
        }

        errno = MakeMount(task, superBlock!, flags, out Mount? mount);
        return errno != Errno.None ? errno : Attach(task, mount!, place);
    }

    /// <summary>
    /// Makes an instance for mount(2) or fsconfig(2): EPERM without rights over what it shows (mount_capable).
    /// </summary>
    internal static Errno MakeSuperBlock(
        Task task,
        FileSystemType type,
        string source,
        ulong superFlags,
        string data,
        out SuperBlock? superBlock)
    {
        superBlock = null;
        if (!task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, type.MountOwner(task)))
        {
            return Errno.EPERM;
        }

        Errno errno = type.Mount(task, source, superFlags, data, out superBlock);
        if (errno == Errno.None && !superBlock!.IsMounted)
        {
            superBlock.Flags |= superFlags & MountFlags.MS_RMT_MASK;
        }

        return errno;
    }

    /// <summary>MS_BIND: shows a place again elsewhere.</summary>
    public Errno Bind(Task task, VfsPath source, VfsPath place, MountScope scope)
    {
        bool foreign = source.Mount.Namespace != task.MountNamespace
            && source.Mount != source.Dentry.SuperBlock.InternalMountIfMade;
        if (foreign || source.Mount.IsUnbindable || place.Mount.Namespace != task.MountNamespace)
        {
            return Errno.EINVAL;
        }

        return AttachCopy(task, source, place, scope);
    }

    private Errno AttachCopy(Task task, VfsPath source, VfsPath place, MountScope scope)
    {
        Errno errno;
        Mount copy;
        List<Mount> unused = [];
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            if (scope == MountScope.Single && HasLockedChildren(source))
            {
                return Errno.EINVAL;
            }

            copy = CopyForBindLocked(source, scope);
            errno = AttachTreeLocked(copy, place);
            if (errno != Errno.None)
            {
                DetachTreeLocked(copy, unused);
            }
        }

        ReleaseDetached(unused);
        task.MountNamespace.ReportChange();
        return errno;
    }

    private static Mount CopyForBindLocked(VfsPath source, MountScope scope) => scope == MountScope.Recursive
        ? CopyTreeLocked(source.Mount, source.Dentry, CloneKind.Copy, TreeScope.Bind, [])
        : CloneMountLocked(source.Mount, source.Dentry, CloneKind.Copy);

    private static bool HasLockedChildren(VfsPath source)
    {
        foreach (Mount child in source.Mount.Children)
        {
            if (child.IsLocked && child.Mountpoint.Dentry.IsBelowOrSame(source.Dentry))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A detached copy for open_tree(2) with OPEN_TREE_CLONE.</summary>
    internal Errno CloneDetached(Task task, VfsPath source, MountScope scope, out Mount? copy)
    {
        copy = null;
        if (source.Mount.Namespace != task.MountNamespace || source.Mount.IsUnbindable)
        {
            return Errno.EINVAL;
        }

        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            if (scope == MountScope.Single && HasLockedChildren(source))
            {
                return Errno.EINVAL;
            }

            copy = CopyForBindLocked(source, scope);
        }

        return Errno.None;
    }

    /// <summary>Attaches a detached tree (a new mount, fsmount(2), open_tree(2)).</summary>
    internal Errno Attach(Task task, Mount mount, VfsPath place)
    {
        if (place.Mount.Namespace != task.MountNamespace)
        {
            return Errno.EINVAL;
        }

        Errno errno;
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            errno = AttachTreeLocked(mount, place);
        }

        if (errno != Errno.None)
        {
            mount.ReleaseIfUnused();
            return errno;
        }

        task.MountNamespace.ReportChange();
        return Errno.None;
    }

    /// <summary>A detached tree nobody attached is let go (the last descriptor of it is closed).</summary>
    internal void DropDetached(Mount top)
    {
        List<Mount> detached = [];
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            if (top.Namespace is not null || top.Parent is not null)
            {
                return;
            }

            DetachTreeLocked(top, detached);
        }

        ReleaseDetached(detached);
    }

    /// <summary>MS_MOVE. EINVAL, ELOOP (below itself), ENOTDIR.</summary>
    public Errno Move(Task task, VfsPath source, VfsPath place)
    {
        Mount mount = source.Mount;
        bool ours = mount.Namespace == task.MountNamespace && place.Mount.Namespace == task.MountNamespace;
        if (source.Dentry != mount.Root || !ours || mount.IsLocked)
        {
            return Errno.EINVAL;
        }

        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            VfsPath old = mount.Mountpoint;
            if (old.IsNone || old.Mount.IsShared)
            {
                return Errno.EINVAL;
            }

            bool differ = mount.Root.IsDirectory != place.Dentry.IsDirectory;
            if (differ || (place.Mount.IsShared && TreeHasUnbindable(mount)))
            {
                return Errno.EINVAL;
            }

            if (IsBelow(place.Mount, mount))
            {
                return Errno.ELOOP;
            }

            mount.DetachLocked();
            Errno errno = AttachTreeLocked(mount, place);
            if (errno != Errno.None)
            {
                mount.AttachLocked(old.Mount, old.Dentry);
                return errno;
            }
        }

        task.MountNamespace.ReportChange();
        return Errno.None;
    }

    private static bool TreeHasUnbindable(Mount top)
    {
        List<Mount> mounts = [];
        CollectTree(top, mounts);
        return mounts.Exists(static mount => mount.IsUnbindable);
    }

    private static bool IsBelow(Mount mount, Mount ancestor)
    {
        for (Mount? at = mount; at is not null; at = at.Parent)
        {
            if (at == ancestor)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE.</summary>
    public Errno ChangePropagation(Task task, VfsPath place, PropagationType type, MountScope scope)
    {
        Mount mount = place.Mount;
        if (place.Dentry != mount.Root || mount.Namespace != task.MountNamespace)
        {
            return Errno.EINVAL;
        }

        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            foreach (Mount one in TreeOrSingle(mount, scope))
            {
                ChangePropagationLocked(one, type);
            }
        }

        task.MountNamespace.ReportChange();
        return Errno.None;
    }

    internal static void ChangePropagationLocked(Mount mount, PropagationType type)
    {
        switch (type)
        {
            case PropagationType.Shared:
                mount.MakeSharedLocked();
                break;
            case PropagationType.Slave:
                mount.MakeSlaveLocked();
                break;
            default:
                mount.MakePrivateLocked(type);
                break;
        }
    }

    internal static List<Mount> TreeOrSingle(Mount mount, MountScope scope)
    {
        List<Mount> mounts = [];
        if (scope == MountScope.Recursive)
        {
            CollectTree(mount, mounts);
        }
        else
        {
            mounts.Add(mount);
        }

        return mounts;
    }
}
