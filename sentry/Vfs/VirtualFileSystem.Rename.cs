using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>renameat2(2).</summary>
public sealed partial class VirtualFileSystem
{
    private const uint KnownRenameFlags = Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE | Fcntl.RENAME_WHITEOUT;

    /// <summary>Moves a name, replaces one, or exchanges two.</summary>
    public Errno Rename(
        Task task,
        int oldDirectoryFd,
        ReadOnlySpan<char> oldPath,
        int newDirectoryFd,
        ReadOnlySpan<char> newPath,
        uint flags)
    {
        bool exchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        bool replaceMatters = (flags & (Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_WHITEOUT)) != 0;
        if ((flags & ~KnownRenameFlags) != 0 || (exchange && replaceMatters))
        {
            return Errno.EINVAL;
        }

        if ((flags & Fcntl.RENAME_WHITEOUT) != 0 && !task.Credentials.IsCapable(Capability.CAP_MKNOD))
        {
            return Errno.EPERM;
        }

        PathWalk from = new(task, LookupFlags.None);
        Errno errno = WalkForRemoval(ref from, oldDirectoryFd, oldPath);
        if (errno != Errno.None)
        {
            return errno;
        }

        PathWalk to = new(task, LookupFlags.None);
        errno = WalkForRemoval(ref to, newDirectoryFd, newPath);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (from.Current.Mount != to.Current.Mount)
        {
            return Errno.EXDEV;
        }

        if (from.LastKind != LastKind.Normal)
        {
            return Errno.EBUSY;
        }

        if (to.LastKind != LastKind.Normal)
        {
            return (flags & Fcntl.RENAME_NOREPLACE) != 0 ? Errno.EEXIST : Errno.EBUSY;
        }

        errno = from.Current.Mount.WantWrite();
        return errno != Errno.None ? errno : RenameBetween(task, ref from, ref to, flags);
    }

    private Errno RenameBetween(Task task, ref PathWalk from, ref PathWalk to, uint flags)
    {
        RenameMove move = new() { Task = task, From = from.Current.Dentry, To = to.Current.Dentry, Flags = flags };
        Errno errno;
        using (RenameLock.Enter())
        {
            OrderDirectories(ref move, out Dentry first, out Dentry second);
            using (first.Inode!.DirectoryLock.Enter())
            {
                if (first == second)
                {
                    errno = RenameLocked(ref move, ref from, ref to);
                }
                else
                {
                    using OrderedLock<DirectoryLevel>.Scope inner = second.Inode!.DirectoryLock.EnterNested();
                    errno = RenameLocked(ref move, ref from, ref to);
                }
            }
        }

        if (errno == Errno.None)
        {
            ReportRename(in move);
        }

        move.ReplacedInode?.DropReference();
        return errno;
    }

    /// <summary>
    /// An ancestor is locked before what is below it, strangers in the order of their creation. The Rename lock keeps
    /// the tree still.
    /// </summary>
    private static void OrderDirectories(ref RenameMove move, out Dentry first, out Dentry second)
    {
        first = move.From;
        second = move.To;
        if (first == second)
        {
            return;
        }

        move.FromIsAbove = second.IsBelowOrSame(first);
        move.ToIsAbove = first.IsBelowOrSame(second);
        bool swap = move.ToIsAbove || (!move.FromIsAbove && second.Serial < first.Serial);
        if (swap)
        {
            (first, second) = (second, first);
        }
    }

    private Errno RenameLocked(ref RenameMove move, ref PathWalk from, ref PathWalk to)
    {
        Errno errno = LookupChildLocked(move.Task, move.From, from.Last.ToString(), out Dentry? source);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (source!.Inode is null)
        {
            return Errno.ENOENT;
        }

        errno = LookupChildLocked(move.Task, move.To, to.Last.ToString(), out Dentry? target);
        if (errno != Errno.None)
        {
            return errno;
        }

        move.Source = source;
        move.Target = target!;
        errno = CheckShape(in move, from.EndsInSlash, to.EndsInSlash);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (source.Inode == target!.Inode)
        {
            move.IsNothing = true;
            return Errno.None;
        }

        errno = MayRename(in move);
        return errno != Errno.None ? errno : MoveLocked(ref move);
    }

    /// <summary>Rules that depend on names and types only (do_renameat2).</summary>
    private static Errno CheckShape(in RenameMove move, bool fromSlash, bool toSlash)
    {
        bool exchange = (move.Flags & Fcntl.RENAME_EXCHANGE) != 0;
        bool targetExists = move.Target.Inode is not null;
        if (targetExists && (move.Flags & Fcntl.RENAME_NOREPLACE) != 0)
        {
            return Errno.EEXIST;
        }

        if (exchange && !targetExists)
        {
            return Errno.ENOENT;
        }

        if (exchange && toSlash && !move.Target.IsDirectory)
        {
            return Errno.ENOTDIR;
        }

        if (!move.Source.IsDirectory && (fromSlash || (!exchange && toSlash)))
        {
            return Errno.ENOTDIR;
        }

        if (move.FromIsAbove && move.To.IsBelowOrSame(move.Source))
        {
            return Errno.EINVAL;
        }

        if (move.ToIsAbove && move.From.IsBelowOrSame(move.Target))
        {
            return exchange ? Errno.EINVAL : Errno.ENOTEMPTY;
        }

        return Errno.None;
    }

    private Errno MayRename(in RenameMove move)
    {
        Errno errno = Permissions.MayDelete(move.Task, move.From, move.Source.Inode!);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool exchange = (move.Flags & Fcntl.RENAME_EXCHANGE) != 0;
        bool sourceIsDirectory = move.Source.IsDirectory;
        if (move.Target.Inode is { } target)
        {
            errno = Permissions.MayDelete(move.Task, move.To, target);
            if (errno == Errno.None && !exchange && sourceIsDirectory != move.Target.IsDirectory)
            {
                errno = sourceIsDirectory ? Errno.ENOTDIR : Errno.EISDIR;
            }
        }
        else
        {
            errno = Permissions.MayCreate(move.Task, move.To);
        }

        if (errno == Errno.None && move.From != move.To)
        {
            errno = MayChangeParent(in move, exchange);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        bool busy = IsMountpointFor(move.Task, move.Source) || IsMountpointFor(move.Task, move.Target);
        return busy ? Errno.EBUSY : Errno.None;
    }

    /// <summary>
    /// A directory that gets a new parent has its ".." changed: that needs write permission on itself.
    /// </summary>
    private static Errno MayChangeParent(in RenameMove move, bool exchange)
    {
        Errno errno = Errno.None;
        if (move.Source.IsDirectory)
        {
            errno = Permissions.Check(move.Task, move.Source.Inode!, MayAccess.Write);
        }

        if (errno == Errno.None && exchange && move.Target.IsDirectory)
        {
            errno = Permissions.Check(move.Task, move.Target.Inode!, MayAccess.Write);
        }

        return errno;
    }

    private Errno MoveLocked(ref RenameMove move)
    {
        Inode source = move.Source.Inode!;
        Inode? replaced = move.Target.Inode;
        bool exchange = (move.Flags & Fcntl.RENAME_EXCHANGE) != 0;
        bool replaces = replaced is not null && !exchange;
        if (replaces && !replaced!.TryReference())
        {
            return Errno.ESTALE;
        }

        move.ReplacedInode = replaces ? replaced : null;
        Errno errno;
        if (replaces && replaced!.FileType == StatMode.S_IFDIR)
        {
            using OrderedLock<DirectoryLevel>.Scope victim = replaced.DirectoryLock.EnterNested();
            errno = CallRename(in move, source, replaced);
        }
        else
        {
            errno = CallRename(in move, source, replaced);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        move.OldName = move.Source.Name;
        move.NewName = move.Target.Name;
        BumpRenameSequence();
        MoveEntries(in move, exchange);
        BumpRenameSequence();
        return Errno.None;
    }

    private static Errno CallRename(in RenameMove move, Inode source, Inode? replaced) =>
        move.From.Inode!.Rename(
            move.Task,
            move.Source.Name,
            source,
            move.To.Inode!,
            move.Target.Name,
            replaced,
            move.Flags);

    private void MoveEntries(in RenameMove move, bool exchange)
    {
        if (exchange)
        {
            string targetName = move.Target.Name;
            string sourceName = move.Source.Name;
            move.From.MoveChildLocked(move.Source, move.To, targetName);
            move.To.MoveChildLocked(move.Target, move.From, sourceName);
            return;
        }

        Inode? replaced = move.Target.Inode;
        bool wasHashed = move.Target.IsHashed;
        move.From.MoveChildLocked(move.Source, move.To, move.Target.Name);
        move.To.KillChildLocked(move.Target);
        CountUncached(move.Target);
        if (wasHashed)
        {
            replaced?.DropReference();
        }
    }

    private void ReportRename(in RenameMove move)
    {
        if (move.IsNothing)
        {
            return;
        }

        if (move.ReplacedInode is not null)
        {
            DetachMountsOn(move.Target);
        }

        if (!FileEvents.IsActive)
        {
            return;
        }

        ReportMove(move.From, move.To, move.OldName, move.NewName, move.Source.Inode!);
        if ((move.Flags & Fcntl.RENAME_EXCHANGE) != 0)
        {
            ReportMove(move.To, move.From, move.NewName, move.OldName, move.Target.Inode!);
        }
        else if (move.ReplacedInode is { } replaced && replaced.FileType != StatMode.S_IFDIR)
        {
            FileEvents.ReportSelf(replaced, Inotify.IN_ATTRIB);
        }
    }

    private static void ReportMove(Dentry from, Dentry to, string oldName, string newName, Inode moved)
    {
        uint cookie = FileEvents.NextCookie();
        FileEvents.ReportName(from.Inode!, oldName, moved, Inotify.IN_MOVED_FROM, cookie);
        FileEvents.ReportName(to.Inode!, newName, moved, Inotify.IN_MOVED_TO, cookie);
        if (from.Inode == to.Inode)
        {
            FileEvents.ReportName(from.Inode!, oldName, moved, FileEvents.RenamedInside);
        }

        FileEvents.ReportSelf(moved, Inotify.IN_MOVE_SELF);
    }

    /// <summary>One rename: what moves where.</summary>
    private struct RenameMove
    {
        internal Task Task;
        internal Dentry From;
        internal Dentry To;
        internal Dentry Source;
        internal Dentry Target;
        internal Inode? ReplacedInode;
        internal string OldName;
        internal string NewName;
        internal uint Flags;
        internal bool FromIsAbove;
        internal bool ToIsAbove;
        internal bool IsNothing;
    }
}
