using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Copies of the mount tree (CLONE_NEWNS).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>
    /// A copy of the task's mount namespace, owned by <paramref name="owner"/>; <paramref name="context"/>, which only
    /// the caller uses, is moved to the same places
    /// in the copy. A namespace of a lesser user namespace gets its mounts as slaves and locked (mount_namespaces(7)).
    /// </summary>
    public Errno CopyNamespace(Task task, UserNamespace owner, FsContext context, out MountNamespace? made)
    {
        MountNamespace source = task.MountNamespace;
        Dictionary<Mount, Mount> copies = [];
        using (RenameLock.Enter())
        using (MountLock.Enter())
        {
            CloneKind kind = owner == source.Owner ? CloneKind.Copy : CloneKind.LessPrivileged;
            Mount root = CopyTreeLocked(source.Root, source.Root.Root, kind, TreeScope.Namespace, copies);
            made = new MountNamespace(this, root, owner);
            foreach (Mount copy in copies.Values)
            {
                copy.SetNamespace(made);
            }

            BumpMountSequence();
        }

        MoveContext(context, copies);
        return Errno.None;
    }

    /// <summary>Root and working directory move into the copied tree.</summary>
    private static void MoveContext(FsContext context, Dictionary<Mount, Mount> copies)
    {
        VfsPath root = context.Root;
        if (copies.TryGetValue(root.Mount, out Mount? rootCopy))
        {
            context.SetRoot(root with { Mount = rootCopy });
        }

        VfsPath directory = context.WorkingDirectory;
        if (copies.TryGetValue(directory.Mount, out Mount? directoryCopy))
        {
            context.SetWorkingDirectory(directory with { Mount = directoryCopy });
        }
    }
}
