using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// Renames. Everything that moves is copied up first. A directory with lower parts keeps them by a redirect: a note
/// where in the lower layers they are.
/// </summary>
internal sealed partial class OverlayDirectory
{
    private const uint KnownFlags = Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE;

    /// <inheritdoc/>
    public override Errno Rename(
        Task task, string oldName, Inode child, Inode newDirectory, string newName, Inode? replaced, uint flags)
    {
        if (newDirectory is not OverlayDirectory target || target.SuperBlock != SuperBlock)
        {
            return Errno.EXDEV;
        }

        if ((flags & ~KnownFlags) != 0)
        {
            return Errno.EINVAL;
        }

        OverlayMove move = new()
        {
            Task = task,
            From = this,
            To = target,
            OldName = oldName,
            NewName = newName,
            Child = (OverlayInode)child,
            Replaced = (OverlayInode?)replaced,
            IsExchange = (flags & Fcntl.RENAME_EXCHANGE) != 0,
        };
        Errno error = move.CopyUp();
        if (error != Errno.None)
        {
            return error;
        }

        if (move.Replaced is null)
        {
            using (move.Child.CopyUpLock.Enter())
            {
                return WithUpperLocks(ref move);
            }
        }

        OrderPair(move.Child, move.Replaced, out OverlayInode first, out OverlayInode second);
        using (first.CopyUpLock.Enter())
        using (second.CopyUpLock.EnterNested())
        {
            return WithUpperLocks(ref move);
        }
    }

    private Errno WithUpperLocks(ref OverlayMove move)
    {
        using (UpperLock.Enter())
        {
            if (move.To == this)
            {
                return MoveLocked(ref move);
            }

            using (move.To.UpperLock.EnterNested())
            {
                return MoveLocked(ref move);
            }
        }
    }

    private Errno MoveLocked(ref OverlayMove move)
    {
        Errno error = move.GiveUpperNamesLocked();
        error = error == Errno.None ? move.PrepareDirectories() : error;
        if (error != Errno.None)
        {
            return error;
        }

        error = move.IsExchange ? ExchangeLocked(ref move) : ReplaceLocked(ref move);
        if (error != Errno.None)
        {
            return error;
        }

        NoteChangedLocked(move.Task, move.IsExchange ? move.Replaced!.Upper : null);
        move.To.NoteChangedLocked(move.Task, move.Child.Upper);
        return Errno.None;
    }

    private Errno ExchangeLocked(ref OverlayMove move)
    {
        Errno error = Upper!.Rename(
            move.Task, move.OldName, move.Child.Upper!, move.To.Upper!, move.NewName, move.Replaced!.Upper,
            Fcntl.RENAME_EXCHANGE);
        if (error == Errno.None)
        {
            move.Child.MoveToLocked(move.To, move.NewName);
            move.Replaced.MoveToLocked(this, move.OldName);
        }

        return error;
    }

    private Errno ReplaceLocked(ref OverlayMove move)
    {
        Errno error = LowerHas(move.Task, move.OldName, out bool leavesWhiteout);
        string temporary = "";
        Inode? whiteout = null;
        if (error == Errno.None && leavesWhiteout)
        {
            error = MakeWhiteout(move.Task, out temporary, out whiteout);
        }

        if (error == Errno.None)
        {
            error = MoveRealLocked(ref move);
        }

        if (whiteout is not null)
        {
            using (Overlay.WorkLock.Enter())
            {
                Errno placed = error == Errno.None
                    ? Overlay.Work.Rename(move.Task, temporary, whiteout, Upper!, move.OldName, null, 0)
                    : Overlay.Work.Unlink(move.Task, temporary, whiteout);
                error = error == Errno.None ? placed : error;
            }
        }

        if (error == Errno.None)
        {
            NoteMovedLocked(ref move);
        }

        return error;
    }

    private static void NoteMovedLocked(ref OverlayMove move)
    {
        switch (move.Replaced)
        {
            case OverlayDirectory directory:
                using (directory.UpperLock.EnterNested())
                {
                    directory.BecomeRemovedLocked();
                }

                break;
            case OverlayFile file:
                file.LoseNameLocked(move.Task, move.To, move.NewName);
                break;
        }

        move.Child.MoveToLocked(move.To, move.NewName);
    }

    /// <summary>
    /// Moves the upper file over what the target directory has under the new name: a file, a swept directory, a
    /// whiteout, or nothing.
    /// </summary>
    private Errno MoveRealLocked(ref OverlayMove move)
    {
        Errno error = Errno.None;
        if (move.Replaced is OverlayDirectory victim)
        {
            using (victim.UpperLock.EnterNested())
            {
                error = victim.ClearForRemovalLocked(move.Task);
            }
        }

        if (error != Errno.None)
        {
            return error;
        }

        error = move.To.LookupUpper(move.Task, move.NewName, out Inode? real);
        if (error != Errno.None)
        {
            return error;
        }

        bool dropsWhiteout = real is not null && move.Child.FileType == StatMode.S_IFDIR
            && real.FileType != StatMode.S_IFDIR;
        if (dropsWhiteout)
        {
            error = move.To.RemoveReal(move.Task, move.NewName, real!);
            real = null;
        }

        if (error != Errno.None)
        {
            return error;
        }

        real?.TryReference();
        error = Upper!.Rename(move.Task, move.OldName, move.Child.Upper!, move.To.Upper!, move.NewName, real, 0);
        real?.DropReference();
        return error != Errno.None && dropsWhiteout ? move.To.RestoreWhiteoutLocked(
            move.Task, move.NewName, error) : error;
    }

    /// <summary>One rename in progress.</summary>
    private struct OverlayMove
    {
        internal Task Task;
        internal OverlayDirectory From;
        internal OverlayDirectory To;
        internal string OldName;
        internal string NewName;
        internal OverlayInode Child;
        internal OverlayInode? Replaced;
        internal bool IsExchange;

        internal readonly Errno CopyUp()
        {
            Errno error = From.EnsureUpper(Task);
            error = error == Errno.None ? To.EnsureUpper(Task) : error;
            error = error == Errno.None ? Child.EnsureUpper(Task) : error;
            return error == Errno.None && IsExchange ? Replaced!.EnsureUpper(Task) : error;
        }

        /// <summary>A copied-up file with several lower names may lack this one in the upper layer.</summary>
        internal readonly Errno GiveUpperNamesLocked()
        {
            Errno error = GiveUpperName(Task, From, OldName, Child);
            return error == Errno.None && IsExchange ? GiveUpperName(Task, To, NewName, Replaced!) : error;
        }

        /// <summary>
        /// A merged directory notes where its lower parts are. A directory without lower parts becomes opaque where
        /// the lower layers have something of its new name.
        /// </summary>
        internal readonly Errno PrepareDirectories()
        {
            Errno error = Prepare(Task, Child, To, NewName);
            return error == Errno.None && IsExchange ? Prepare(Task, Replaced!, From, OldName) : error;
        }

        private static Errno GiveUpperName(Task task, OverlayDirectory directory, string name, OverlayInode file)
        {
            Errno error = directory.LookupUpper(task, name, out Inode? real);
            return error == Errno.None && real is null ? directory.Upper!.Link(task, name, file.Upper!) : error;
        }

        private static Errno Prepare(Task task, OverlayInode moved, OverlayDirectory to, string name)
        {
            if (moved is not OverlayDirectory directory)
            {
                return Errno.None;
            }

            if (directory.IsMerged)
            {
                return OverlayXattr.SetRedirect(task, directory.Upper!, directory._lowerPath);
            }

            Errno error = to.LowerHas(task, name, out bool hides);
            return error == Errno.None && hides ? OverlayXattr.SetOpaque(task, directory.Upper!) : error;
        }
    }
}
