using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>Making, linking and removing names. The VFS holds the directory lock of the overlay directory.</summary>
internal sealed partial class OverlayDirectory
{
    private enum MakeKind
    {
        File,
        Directory,
        Node,
        Symlink,
    }

    /// <inheritdoc/>
    public override Errno Create(in CreateContext context, string name, out Inode? child) =>
        Make(MakeKind.File, context, name, 0, "", out child);

    /// <inheritdoc/>
    public override Errno MakeDirectory(in CreateContext context, string name, out Inode? child) =>
        Make(MakeKind.Directory, context, name, 0, "", out child);

    /// <inheritdoc/>
    public override Errno MakeNode(in CreateContext context, string name, ulong specialDevice, out Inode? child)
    {
        bool isWhiteout = (context.Mode & StatMode.S_IFMT) == StatMode.S_IFCHR && specialDevice == 0;
        child = null;
        return isWhiteout ? Errno.EPERM : Make(MakeKind.Node, context, name, specialDevice, "", out child);
    }

    /// <inheritdoc/>
    public override Errno MakeSymlink(in CreateContext context, string name, string target, out Inode? child) =>
        Make(MakeKind.Symlink, context, name, 0, target, out child);

    /// <inheritdoc/>
    public override Errno MakeUnnamed(in CreateContext context, out Inode? file)
    {
        file = null;
        Errno error = EnsureUpper(context.Task);
        if (error != Errno.None)
        {
            return error;
        }

        error = Upper!.MakeUnnamed(context, out Inode? real);
        return error == Errno.None
            ? Overlay.GetFile(null, "", real!, new OverlayOrigin(OverlayOriginKind.None, 0), out file)
            : error;
    }

    /// <inheritdoc/>
    public override Errno Link(Task task, string name, Inode target)
    {
        if (target is not OverlayFile file || file.SuperBlock != SuperBlock)
        {
            return Errno.EXDEV;
        }

        Errno error = EnsureUpper(task);
        error = error == Errno.None ? file.EnsureUpper(task) : error;
        if (error != Errno.None)
        {
            return error;
        }

        using (file.CopyUpLock.Enter())
        using (UpperLock.Enter())
        {
            error = TakeWhiteoutAwayLocked(task, name, out bool wasHidden);
            if (error != Errno.None)
            {
                return error;
            }

            error = Upper!.Link(task, name, file.Upper!);
            if (error != Errno.None)
            {
                return wasHidden ? RestoreWhiteoutLocked(task, name, error) : error;
            }

            file.GainNameLocked(this, name);
            NoteChangedLocked(task, file.Upper!);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Unlink(Task task, string name, Inode child)
    {
        OverlayFile file = (OverlayFile)child;
        Errno error = EnsureUpper(task);
        if (error != Errno.None)
        {
            return error;
        }

        using (file.CopyUpLock.Enter())
        using (UpperLock.Enter())
        {
            error = LookupUpper(task, name, out Inode? real);
            if (error != Errno.None)
            {
                return error;
            }

            error = LowerHas(task, name, out bool needsWhiteout);
            if (error != Errno.None)
            {
                return error;
            }

            error = needsWhiteout ? PutWhiteoutLocked(task, name, real) : Upper!.Unlink(task, name, real!);
            if (error == Errno.None)
            {
                file.LoseNameLocked(task, this, name);
                _listing = null;
            }
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno RemoveDirectory(Task task, string name, Inode child)
    {
        OverlayDirectory victim = (OverlayDirectory)child;
        Errno error = EnsureUpper(task);
        if (error != Errno.None)
        {
            return error;
        }

        using (victim.CopyUpLock.Enter())
        using (UpperLock.Enter())
        using (victim.UpperLock.EnterNested())
        {
            error = victim.ClearForRemovalLocked(task);
            if (error == Errno.None)
            {
                error = RemoveClearedLocked(task, name, victim);
            }
        }

        return error;
    }

    /// <summary>
    /// Moves a finished copy from the work directory to its name here; times of this directory stay as they are.
    /// </summary>
    internal Errno TakeTemporary(Task task, string temporary, Inode copy, string name)
    {
        Inode upper = Upper!;
        Errno error = upper.GetAttributes(out InodeAttributes before);
        if (error != Errno.None)
        {
            return error;
        }

        using (UpperLock.Enter())
        using (Overlay.WorkLock.Enter())
        {
            error = Overlay.Work.Rename(task, temporary, copy, upper, name, null, 0);
        }

        if (error != Errno.None)
        {
            return error;
        }

        AttributeChange times = new()
        {
            Mask = AttributeMask.AccessTime | AttributeMask.ModifyTime,
            AccessTimeNs = before.AccessTimeNs,
            ModifyTimeNs = before.ModifyTimeNs,
        };
        upper.SetAttributes(task, times);
        return Errno.None;
    }

    private Errno RemoveClearedLocked(Task task, string name, OverlayDirectory victim)
    {
        Errno error = LowerHas(task, name, out bool needsWhiteout);
        string temporary = "";
        Inode? whiteout = null;
        if (error == Errno.None && needsWhiteout)
        {
            error = MakeWhiteout(task, out temporary, out whiteout);
        }

        if (error == Errno.None && victim.Upper is { } real)
        {
            error = Upper!.RemoveDirectory(task, name, real);
        }

        if (whiteout is not null)
        {
            using (Overlay.WorkLock.Enter())
            {
                Errno placed = error == Errno.None
                    ? Overlay.Work.Rename(task, temporary, whiteout, Upper!, name, null, 0)
                    : Overlay.Work.Unlink(task, temporary, whiteout);
                error = error == Errno.None ? placed : error;
            }
        }

        if (error == Errno.None)
        {
            victim.BecomeRemovedLocked();
            _listing = null;
        }

        return error;
    }

    /// <summary>The directory is gone: nothing shows through any more. Caller: copy-up lock.</summary>
    private void BecomeRemovedLocked()
    {
        MoveToLocked(null, "");
        _listing = new DirectoryListing([]);
    }

    private Errno Make(
        MakeKind kind, in CreateContext context, string name, ulong device, string target, out Inode? child)
    {
        child = null;
        Errno error = EnsureUpper(context.Task);
        if (error != Errno.None)
        {
            return error;
        }

        Inode? real;
        using (UpperLock.Enter())
        {
            error = TakeWhiteoutAwayLocked(context.Task, name, out bool wasHidden);
            if (error != Errno.None)
            {
                return error;
            }

            error = MakeReal(kind, context, name, device, target, out real);
            if (error == Errno.None && kind == MakeKind.Directory && wasHidden)
            {
                error = OverlayXattr.SetOpaque(context.Task, real!);
            }

            if (error != Errno.None)
            {
                return wasHidden ? RestoreWhiteoutLocked(context.Task, name, error) : error;
            }

            _listing = null;
        }

        return Wrap(context.Task, kind, name, real!, out child);
    }

    private Errno Wrap(Task task, MakeKind kind, string name, Inode real, out Inode? child)
    {
        if (kind != MakeKind.Directory)
        {
            return Overlay.GetFile(this, name, real, new OverlayOrigin(OverlayOriginKind.None, 0), out child);
        }

        OverlayLookup nothing = new() { LowerPath = _lowerPath + "/" + name };
        return MakeChildDirectory(task, name, real, nothing, out child);
    }

    private Errno MakeReal(
        MakeKind kind, in CreateContext context, string name, ulong device, string target,
        out Inode? real) => kind switch
    {
        MakeKind.File => Upper!.Create(context, name, out real),
        MakeKind.Directory => Upper!.MakeDirectory(context, name, out real),
        MakeKind.Node => Upper!.MakeNode(context, name, device, out real),
        _ => Upper!.MakeSymlink(context, name, target, out real),
    };
}
