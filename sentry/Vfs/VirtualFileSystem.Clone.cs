using System.Collections.Generic;
using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>Copies of mounts and trees of mounts.</summary>
public sealed partial class VirtualFileSystem
{
    private const uint LockableFlags = MountFlags.MS_RDONLY | MountFlags.MS_NOSUID | MountFlags.MS_NODEV
        | MountFlags.MS_NOEXEC;

    /// <summary>A copy of one mount that shows <paramref name="root"/>. Caller: Mount lock.</summary>
    private static Mount CloneMountLocked(Mount source, Dentry root, CloneKind kind)
    {
        Mount copy = new(source.SuperBlock, root, source.Flags)
        {
            LockedFlags = source.LockedFlags,
            LocksAccessTimes = source.LocksAccessTimes || kind == CloneKind.LessPrivileged,
        };
        copy.CopyPropagationLocked(source, kind);
        if (kind == CloneKind.LessPrivileged)
        {
            copy.LockedFlags |= source.Flags & LockableFlags;
        }

        return copy;
    }

    /// <summary>
    /// A copy of a mount and all below it, detached; unbindable mounts below are left out unless a whole namespace is
    /// copied.
    /// </summary>
    private static Mount CopyTreeLocked(
        Mount top,
        Dentry root,
        CloneKind kind,
        TreeScope scope,
        Dictionary<Mount, Mount> copies)
    {
        Mount whole = CloneMountLocked(top, root, kind);
        copies.Add(top, whole);
        Queue<Mount> parents = new();
        parents.Enqueue(top);
        while (parents.TryDequeue(out Mount? parent))
        {
            Dentry shown = parent == top ? root : parent.Root;
            foreach (Mount child in parent.Children)
            {
                Dentry mountpoint = child.Mountpoint.Dentry;
                bool skipped = scope == TreeScope.Bind && child.IsUnbindable;
                if (skipped || !mountpoint.IsBelowOrSame(shown))
                {
                    continue;
                }

                Mount copy = CloneMountLocked(child, child.Root, kind);
                copy.IsLocked = child.IsLocked || kind == CloneKind.LessPrivileged;
                copy.AttachLocked(copies[parent], mountpoint);
                copies.Add(child, copy);
                parents.Enqueue(child);
            }
        }

        return whole;
    }

    /// <summary>What a tree is copied for.</summary>
    private enum TreeScope
    {
        /// <summary>MS_BIND|MS_REC: unbindable mounts are left out.</summary>
        Bind,

        /// <summary>CLONE_NEWNS: everything.</summary>
        Namespace,
    }
}
