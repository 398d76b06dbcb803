using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>Whiteouts: how they come, go, and are swept from a directory that is removed.</summary>
internal sealed partial class OverlayDirectory
{
    /// <summary>Would the lower layers show something under the name?</summary>
    private Errno LowerHas(Task task, string name, out bool has)
    {
        OverlayLookup found = default;
        Errno error = LookupIn(task, _lowers, name, Overlay.HasManyLowers, ref found);
        has = found.File is not null || found.Directories.Count > 0;
        return error;
    }

    private Errno MakeWhiteout(Task task, out string temporary, out Inode? whiteout)
    {
        temporary = Overlay.NextTemporaryName();
        CreateContext context = new(task, StatMode.S_IFCHR, 0, 0);
        using (Overlay.WorkLock.Enter())
        {
            return Overlay.Work.MakeNode(context, temporary, 0, out whiteout);
        }
    }

    /// <summary>
    /// Puts a whiteout in the place of a name, replacing what the upper directory has there (no directory) in one
    /// step, so that a failure leaves all as it was.
    /// </summary>
    private Errno PutWhiteoutLocked(Task task, string name, Inode? replaced)
    {
        Errno error = MakeWhiteout(task, out string temporary, out Inode? whiteout);
        if (error != Errno.None)
        {
            return error;
        }

        replaced?.TryReference();
        using (Overlay.WorkLock.Enter())
        {
            error = Overlay.Work.Rename(task, temporary, whiteout!, Upper!, name, replaced, 0);
            if (error != Errno.None)
            {
                Overlay.Work.Unlink(task, temporary, whiteout!);
            }
        }

        replaced?.DropReference();
        return error;
    }

    /// <summary>Removes a whiteout that stands where a name is about to be made.</summary>
    private Errno TakeWhiteoutAwayLocked(Task task, string name, out bool wasHidden)
    {
        wasHidden = false;
        Errno error = LookupUpper(task, name, out Inode? real);
        if (error != Errno.None || real is null)
        {
            return error;
        }

        if (!OverlayXattr.IsWhiteout(real))
        {
            return Errno.EEXIST;
        }

        error = RemoveReal(task, name, real);
        wasHidden = error == Errno.None;
        return error;
    }

    /// <summary>
    /// A name could not be made after its whiteout was removed: hides the lower name again. Returns the first
    /// error.
    /// </summary>
    private Errno RestoreWhiteoutLocked(Task task, string name, Errno error)
    {
        Errno lookup = LookupUpper(task, name, out Inode? halfMade);
        if (lookup == Errno.None && halfMade is { FileType: StatMode.S_IFDIR })
        {
            Upper!.RemoveDirectory(task, name, halfMade);
        }

        CreateContext context = new(task, StatMode.S_IFCHR, 0, 0);
        return Upper!.MakeNode(context, name, 0, out _) == Errno.None ? error : Errno.EIO;
    }

    private Errno RemoveReal(Task task, string name, Inode real)
    {
        real.TryReference();
        Errno error = Upper!.Unlink(task, name, real);
        real.DropReference();
        return error;
    }

    /// <summary>
    /// Checks that nothing shows in the directory and sweeps the whiteouts of its upper part. ENOTEMPTY.
    /// </summary>
    private Errno ClearForRemovalLocked(Task task)
    {
        Errno error = ReadListingLocked(task, out DirectoryListing? listing);
        if (error != Errno.None)
        {
            return error;
        }

        if (listing!.Names.Length > 0)
        {
            return Errno.ENOTEMPTY;
        }

        if (Upper is not { } upper)
        {
            return Errno.None;
        }

        List<ListedName> whiteouts = [];
        error = OverlayListing.ReadReal(task, upper, whiteouts);
        for (int i = 0; i < whiteouts.Count && error == Errno.None; i++)
        {
            error = upper.Lookup(task, whiteouts[i].Name, out Inode? real);
            if (error == Errno.None)
            {
                error = RemoveReal(task, whiteouts[i].Name, real!);
            }
        }

        return error;
    }
}
