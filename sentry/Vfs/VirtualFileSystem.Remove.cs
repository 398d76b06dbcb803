using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>unlink(2) and rmdir(2).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>unlink(2): removes a name of anything but a directory.</summary>
    public Errno Unlink(Task task, int directoryFd, ReadOnlySpan<char> path)
    {
        PathWalk walk = new(task, LookupFlags.None);
        Errno errno = WalkForRemoval(ref walk, directoryFd, path);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (walk.LastKind != LastKind.Normal)
        {
            return Errno.EISDIR;
        }

        Dentry directory = walk.Current.Dentry;
        Dentry? victim;
        using (directory.Inode!.DirectoryLock.Enter())
        {
            errno = FindVictim(task, ref walk, out Dentry? child);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (walk.EndsInSlash)
            {
                return child!.IsDirectory ? Errno.EISDIR : Errno.ENOTDIR;
            }

            errno = UnlinkLocked(task, directory, child!, out victim);
        }

        return FinishRemoval(directory, victim, errno);
    }

    /// <summary>rmdir(2).</summary>
    public Errno RemoveDirectory(Task task, int directoryFd, ReadOnlySpan<char> path)
    {
        PathWalk walk = new(task, LookupFlags.None);
        Errno errno = WalkForRemoval(ref walk, directoryFd, path);
        if (errno != Errno.None)
        {
            return errno;
        }

        switch (walk.LastKind)
        {
            case LastKind.DotDot:
                return Errno.ENOTEMPTY;
            case LastKind.Dot:
                return Errno.EINVAL;
            case LastKind.None:
                return Errno.EBUSY;
        }

        Dentry directory = walk.Current.Dentry;
        Dentry? victim;
        using (directory.Inode!.DirectoryLock.Enter())
        {
            errno = FindVictim(task, ref walk, out Dentry? child);
            if (errno != Errno.None)
            {
                return errno;
            }

            errno = RemoveDirectoryLocked(task, directory, child!, out victim);
        }

        return FinishRemoval(directory, victim, errno);
    }

    private Errno UnlinkLocked(Task task, Dentry directory, Dentry child, out Dentry? victim)
    {
        victim = null;
        Inode inode = child.Inode!;
        Errno errno = Permissions.MayDelete(task, directory, inode);
        if (errno == Errno.None && child.IsDirectory)
        {
            errno = Errno.EISDIR;
        }

        if (errno == Errno.None && IsMountpointFor(task, child))
        {
            errno = Errno.EBUSY;
        }

        if (errno != Errno.None || !inode.TryReference())
        {
            return errno != Errno.None ? errno : Errno.ESTALE;
        }

        victim = child;
        errno = directory.Inode!.Unlink(task, child.Name, inode);
        if (errno == Errno.None)
        {
            DeleteEntryLocked(directory, child);
        }

        return errno;
    }

    private Errno RemoveDirectoryLocked(Task task, Dentry directory, Dentry child, out Dentry? victim)
    {
        victim = null;
        Inode inode = child.Inode!;
        Errno errno = Permissions.MayDelete(task, directory, inode);
        if (errno == Errno.None && !child.IsDirectory)
        {
            errno = Errno.ENOTDIR;
        }

        if (errno == Errno.None && IsMountpointFor(task, child))
        {
            errno = Errno.EBUSY;
        }

        if (errno != Errno.None || !inode.TryReference())
        {
            return errno != Errno.None ? errno : Errno.ESTALE;
        }

        victim = child;
        using (inode.DirectoryLock.EnterNested())
        {
            errno = directory.Inode!.RemoveDirectory(task, child.Name, inode);
            if (errno == Errno.None)
            {
                DeleteEntryLocked(directory, child);
            }
        }

        return errno;
    }

    /// <summary>
    /// Tells the watchers, detaches what other namespaces mounted there, drops the reference taken for the removal. No
    /// lock is held.
    /// </summary>
    private Errno FinishRemoval(Dentry directory, Dentry? victim, Errno errno)
    {
        if (victim is null)
        {
            return errno;
        }

        Inode inode = victim.Inode!;
        if (errno == Errno.None)
        {
            DetachMountsOn(victim);
            if (inode.FileType != StatMode.S_IFDIR)
            {
                FileEvents.ReportSelf(inode, Inotify.IN_ATTRIB);
            }

            FileEvents.ReportName(directory.Inode!, victim.Name, inode, Inotify.IN_DELETE);
        }

        inode.DropReference();
        return errno;
    }

    private static Errno WalkForRemoval(ref PathWalk walk, int directoryFd, ReadOnlySpan<char> path)
    {
        Errno errno = walk.Begin(directoryFd, path);
        return errno != Errno.None ? errno : walk.WalkToParent(path);
    }

    /// <summary>The positive entry for the walk's last component. ENOENT, EROFS.</summary>
    private Errno FindVictim(Task task, ref PathWalk walk, out Dentry? child)
    {
        Errno errno = LookupChildLocked(task, walk.Current.Dentry, walk.Last.ToString(), out child);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (child!.Inode is null)
        {
            return Errno.ENOENT;
        }

        return walk.Current.Mount.WantWrite();
    }
}
