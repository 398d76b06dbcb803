using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// Copy-up of files: the copy is made in the work directory and moved into place when it is complete, so that
/// nobody ever finds half of it.
/// </summary>
internal sealed partial class OverlayFile
{
    private const int CopyBytes = 256 * 1024;

    /// <inheritdoc/>
    protected override Errno CopyUpLocked(Task task, long dataBytes)
    {
        if (IndexEntry?.Upper is { } shared && shared.TryReference())
        {
            PublishUpper(shared);
            return Errno.None;
        }

        Errno error = _lower!.GetAttributes(out InodeAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        string temporary = Overlay.NextTemporaryName();
        error = MakeTemporary(task, temporary, attributes, out Inode? copy);
        if (error != Errno.None)
        {
            return error;
        }

        copy!.TryReference();
        error = FillTemporary(task, copy, attributes, dataBytes);
        if (error == Errno.None)
        {
            error = GiveNameLocked(task, temporary, copy);
        }

        if (error != Errno.None)
        {
            RemoveTemporary(task, temporary, copy);
            copy.DropReference();
            return error;
        }

        if (IndexEntry is not null)
        {
            Overlay.Remember(copy, this);
        }

        PublishUpper(copy);
        return Errno.None;
    }

    private Errno MakeTemporary(Task task, string name, in InodeAttributes attributes, out Inode? copy)
    {
        copy = null;
        CreateContext context = new(task, attributes.Mode, attributes.Uid, attributes.Gid);
        string target = "";
        if (FileType == StatMode.S_IFLNK)
        {
            Errno error = _lower!.ReadLink(task, out target);
            if (error != Errno.None)
            {
                return error;
            }
        }

        using (Overlay.WorkLock.Enter())
        {
            return FileType switch
            {
                StatMode.S_IFREG => Overlay.Work.Create(context, name, out copy),
                StatMode.S_IFLNK => Overlay.Work.MakeSymlink(context, name, target, out copy),
                _ => Overlay.Work.MakeNode(context, name, attributes.SpecialDevice, out copy),
            };
        }
    }

    private Errno FillTemporary(Task task, Inode copy, in InodeAttributes attributes, long dataBytes)
    {
        Errno error = Errno.None;
        if (FileType == StatMode.S_IFREG)
        {
            error = CopyData(task, copy, long.Min(attributes.SizeBytes, dataBytes));
        }

        if (error == Errno.None)
        {
            error = OverlayCopy.Xattrs(task, _lower!, copy);
        }

        if (error == Errno.None)
        {
            error = OverlayXattr.SetOrigin(task, copy, InodeNumber);
            error = error == Errno.EOPNOTSUPP ? Errno.None : error;
        }

        return error == Errno.None ? OverlayCopy.Attributes(task, attributes, copy) : error;
    }

    /// <summary>
    /// Gives the copy its place: where the file is, in the work directory if it has several names, nowhere if it
    /// has none.
    /// </summary>
    private Errno GiveNameLocked(Task task, string temporary, Inode copy)
    {
        if (IndexEntry is { LinkCount: > 0 } entry)
        {
            copy.TryReference();
            entry.WorkName = temporary;
            entry.Upper = copy;
            return Errno.None;
        }

        if (CopyUpParent is { } parent)
        {
            return parent.TakeTemporary(task, temporary, copy, Name);
        }

        RemoveTemporary(task, temporary, copy);
        return Errno.None;
    }

    private void RemoveTemporary(Task task, string temporary, Inode copy)
    {
        using (Overlay.WorkLock.Enter())
        {
            Overlay.Work.Unlink(task, temporary, copy);
        }
    }

    private Errno CopyData(Task task, Inode copy, long sizeBytes)
    {
        if (sizeBytes == 0)
        {
            return Errno.None;
        }

        Errno error = _lower!.Open(task, default, Fcntl.O_RDONLY, out FileDescription? source);
        if (error != Errno.None)
        {
            return error;
        }

        error = copy.Open(task, default, Fcntl.O_RDWR, out FileDescription? target);
        if (error == Errno.None)
        {
            target!.Flags = Fcntl.O_RDWR;
            error = OverlayCopy.Data(task, source!, target, sizeBytes, new byte[(int)long.Min(CopyBytes, sizeBytes)]);
            target.DropReference(task);
        }

        source!.DropReference(task);
        if (error != Errno.None)
        {
            return error;
        }

        AttributeChange size = new() { Mask = AttributeMask.Size, SizeBytes = sizeBytes };
        return copy.SetAttributes(task, size);
    }
}
