using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>
/// Renames. Both directory locks of the VFS are held; entries of each directory change under its own inode lock.
/// </summary>
internal sealed partial class TmpfsDirectory
{
    /// <inheritdoc/>
    public override Errno Rename(
        Task task,
        string oldName,
        Inode child,
        Inode newDirectory,
        string newName,
        Inode? replaced,
        uint flags)
    {
        TmpfsInode moved = (TmpfsInode)child;
        TmpfsDirectory target = (TmpfsDirectory)newDirectory;
        using (Instance.RenameLock.Enter())
        {
            bool isLoop = Encloses(moved, target)
                || ((flags & Fcntl.RENAME_EXCHANGE) != 0 && Encloses((TmpfsInode)replaced!, this));
            if (isLoop)
            {
                return Errno.EINVAL;
            }

            return (flags & Fcntl.RENAME_EXCHANGE) != 0
                ? Exchange(oldName, moved, target, newName, (TmpfsInode)replaced!)
                : RenameLocked(new MovedName(oldName, moved), target, newName, (TmpfsInode?)replaced, task, flags);
        }
    }

    private readonly record struct MovedName(string Name, TmpfsInode Inode);

    private static bool Encloses(TmpfsInode moved, TmpfsDirectory target) =>
        moved is TmpfsDirectory directory && directory.IsAboveOrSame(target);

    private Errno RenameLocked(
        MovedName moved, TmpfsDirectory target, string newName, TmpfsInode? replaced, Task task, uint flags)
    {
        if (replaced is TmpfsDirectory { IsEmpty: false })
        {
            return Errno.ENOTEMPTY;
        }

        bool leavesWhiteout = (flags & Fcntl.RENAME_WHITEOUT) != 0;
        if (leavesWhiteout && !Instance.TryAddInode(HeapBytesOf(null)))
        {
            return Errno.ENOSPC;
        }

        Errno errno = Move(moved.Name, moved.Inode, target, newName, replaced);
        if (!leavesWhiteout)
        {
            return errno;
        }

        CreateContext context = new(task, StatMode.S_IFCHR, task.Credentials.FsUid, task.Credentials.FsGid);
        if (errno != Errno.None || !TryAddEntry(moved.Name, new TmpfsNode(Instance, in context, 0)))
        {
            Instance.DropInode(HeapBytesOf(null));
        }

        return errno;
    }

    private Errno Move(string oldName, TmpfsInode moved, TmpfsDirectory target, string newName, TmpfsInode? replaced)
    {
        if (!TryRemoveEntry(oldName, moved))
        {
            return Errno.ENOENT;
        }

        bool hasRoom = replaced is null || target.TryRemoveReplaced(newName, replaced);
        if (!hasRoom || !target.TryAddEntry(newName, moved))
        {
            TryAddEntry(oldName, moved);
            return Errno.ESTALE;
        }

        Reparent(moved, this, target);
        moved.TouchChanged();
        return Errno.None;
    }

    private Errno Exchange(string oldName, TmpfsInode moved, TmpfsDirectory target, string newName, TmpfsInode other)
    {
        if (!TryRemoveEntry(oldName, moved))
        {
            return Errno.ENOENT;
        }

        if (!target.TryRemoveEntry(newName, other))
        {
            TryAddEntry(oldName, moved);
            return Errno.ENOENT;
        }

        TryAddEntry(oldName, other);
        target.TryAddEntry(newName, moved);
        Reparent(moved, this, target);
        Reparent(other, target, this);
        moved.TouchChanged();
        other.TouchChanged();
        return Errno.None;
    }

    private bool TryRemoveReplaced(string name, TmpfsInode replaced)
    {
        TmpfsDirectory? directory = replaced as TmpfsDirectory;
        if (directory is not null && !directory.TryClose())
        {
            return false;
        }

        if (!TryRemoveEntry(name, replaced))
        {
            directory?.Reopen();
            return false;
        }

        if (directory is not null)
        {
            directory.Detach();
            AddLinks(-1);
        }
        else
        {
            replaced.AddLinks(-1);
        }

        return true;
    }

    private static void Reparent(TmpfsInode moved, TmpfsDirectory from, TmpfsDirectory to)
    {
        if (moved is TmpfsDirectory directory && from != to)
        {
            directory._parent = to;
            from.AddLinks(-1);
            to.AddLinks(1);
        }
    }
}
