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
        if ((flags & Fcntl.RENAME_EXCHANGE) != 0)
        {
            Exchange(oldName, moved, target, newName, (TmpfsInode)replaced!);
            return Errno.None;
        }

        if (replaced is TmpfsDirectory { IsEmpty: false })
        {
            return Errno.ENOTEMPTY;
        }

        if ((flags & Fcntl.RENAME_WHITEOUT) != 0 && !Instance.TryAddInode())
        {
            return Errno.ENOSPC;
        }

        if (replaced is not null)
        {
            target.RemoveReplaced(newName, (TmpfsInode)replaced);
        }

        RemoveEntry(oldName);
        target.AddEntry(newName, moved);
        Reparent(moved, this, target);
        moved.TouchChanged();
        if ((flags & Fcntl.RENAME_WHITEOUT) != 0)
        {
            CreateContext context = new(task, StatMode.S_IFCHR, task.Credentials.FsUid, task.Credentials.FsGid);
            AddEntry(oldName, new TmpfsNode(Instance, in context, 0));
        }

        return Errno.None;
    }

    private void Exchange(string oldName, TmpfsInode moved, TmpfsDirectory target, string newName, TmpfsInode other)
    {
        RemoveEntry(oldName);
        target.RemoveEntry(newName);
        AddEntry(oldName, other);
        target.AddEntry(newName, moved);
        Reparent(moved, this, target);
        Reparent(other, target, this);
        moved.TouchChanged();
        other.TouchChanged();
    }

    private void RemoveReplaced(string name, TmpfsInode replaced)
    {
        RemoveEntry(name);
        if (replaced is TmpfsDirectory directory)
        {
            directory.Detach();
            AddLinks(-1);
        }
        else
        {
            replaced.AddLinks(-1);
        }
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
