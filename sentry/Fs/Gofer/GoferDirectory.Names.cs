using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Making, linking, removing and moving names. The VFS holds the directory locks and has checked rights.
/// </summary>
internal sealed partial class GoferDirectory
{
    /// <summary>References on an inode that only the name cache and the caller of a removal hold.</summary>
    private const int UnusedReferences = 2;

    /// <inheritdoc/>
    public override Errno Create(in CreateContext context, string name, out Inode? child)
    {
        child = null;
        using TargetHold directory = GetWritableHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        CreateRequest request = MakeRequest(directory, context, name, StatMode.S_IFREG, 0, "");
        error = Client.Create(Operation.Create, request, out WireNode node, out int hostFd);
        return error == Errno.None ? AdoptFile(name, node, hostFd, out child) : error;
    }

    /// <inheritdoc/>
    public override Errno MakeUnnamed(in CreateContext context, out Inode? file)
    {
        file = null;
        using TargetHold directory = GetWritableHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        CreateRequest request = MakeRequest(directory, context, "", StatMode.S_IFREG, 0, "");
        error = Client.Create(Operation.MakeUnnamed, request, out WireNode node, out int hostFd);
        if (error != Errno.None)
        {
            return error;
        }

        GoferRegularFile made = new(Gofer, parent: null, "", node);
        made.AdoptDescriptor(hostFd);
        file = made;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno MakeDirectory(in CreateContext context, string name, out Inode? child)
    {
        Errno error = Make(Operation.MakeDirectory, context, name, StatMode.S_IFDIR, 0, "", out child);
        if (error == Errno.None)
        {
            AddLinks(1);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno MakeNode(in CreateContext context, string name, ulong specialDevice, out Inode? child) =>
        Make(Operation.MakeNode, context, name, context.Mode & StatMode.S_IFMT, specialDevice, "", out child);

    /// <inheritdoc/>
    public override Errno MakeSymlink(in CreateContext context, string name, string target, out Inode? child) =>
        Make(Operation.MakeSymlink, context, name, StatMode.S_IFLNK, 0, target, out child);

    /// <inheritdoc/>
    public override Errno Link(Task task, string name, Inode target)
    {
        if (target is not GoferInode file || file.SuperBlock != SuperBlock)
        {
            return Errno.EXDEV;
        }

        using TargetHold directory = GetWritableHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        using TargetHold source = file.GetTarget(out error);
        if (error != Errno.None)
        {
            return error;
        }

        error = Client.Link(source.Wire, directory.Wire.Handle, name, out WireAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        file.Adopt(attributes);
        file.AdoptFirstName(this, name);
        if (!Gofer.IsShared)
        {
            Gofer.RememberLinked(file);
        }

        NoteAdded(name, file);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Unlink(Task task, string name, Inode child) =>
        Remove(name, (GoferInode)child, UnlinkFlags.None);

    /// <inheritdoc/>
    public override Errno RemoveDirectory(Task task, string name, Inode child)
    {
        Errno error = Remove(name, (GoferInode)child, UnlinkFlags.Directory);
        if (error == Errno.None)
        {
            AddLinks(-1);
            ((GoferInode)child).DropLinks();
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno Rename(
        Task task, string oldName, Inode child, Inode newDirectory, string newName, Inode? replaced, uint flags)
    {
        if (newDirectory is not GoferDirectory target || target.SuperBlock != SuperBlock)
        {
            return Errno.EXDEV;
        }

        using TargetHold from = GetWritableHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        using TargetHold to = target.GetWritableHandle(out error);
        error = error == Errno.None ? HoldReplaced(replaced as GoferInode, flags) : error;
        error = error == Errno.None
            ? Client.Rename(from.Wire.Handle, oldName, to.Wire.Handle, newName, flags)
            : error;
        if (error == Errno.None)
        {
            NoteRenamed(oldName, (GoferInode)child, target, newName, replaced as GoferInode, flags);
        }

        return error;
    }

    private void NoteRenamed(
        string oldName, GoferInode child, GoferDirectory target, string newName, GoferInode? replaced, uint flags)
    {
        NoteRemoved(oldName);
        target.NoteAdded(newName, child);
        child.MoveTo(target, newName);
        child.MarkStale();
        if (replaced is null)
        {
            if ((flags & Fcntl.RENAME_WHITEOUT) != 0)
            {
                ForgetListing();
            }

            return;
        }

        if ((flags & Fcntl.RENAME_EXCHANGE) != 0)
        {
            NoteAdded(oldName, replaced);
            replaced.MoveTo(this, oldName);
            replaced.MarkStale();
            return;
        }

        replaced.AddLinks(replaced.FileType == StatMode.S_IFDIR ? -2 : -1);
    }

    /// <summary>A file that is about to lose its name to another stays reachable for whoever has it open.</summary>
    private static Errno HoldReplaced(GoferInode? replaced, uint flags)
    {
        if (replaced is null || (flags & Fcntl.RENAME_EXCHANGE) != 0 || !IsUsedBeyondName(replaced))
        {
            return Errno.None;
        }

        return replaced.HoldForGood();
    }

    private static bool IsUsedBeyondName(GoferInode inode)
    {
        if (inode.ReferenceCount > UnusedReferences)
        {
            return true;
        }

        return inode.FileType != StatMode.S_IFDIR
            && inode.GetAttributes(out InodeAttributes attributes) == Errno.None && attributes.LinkCount > 1;
    }

    private Errno Remove(string name, GoferInode child, UnlinkFlags flags)
    {
        using TargetHold directory = GetWritableHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        if (IsUsedBeyondName(child))
        {
            flags |= UnlinkFlags.KeepHandle;
        }

        error = Client.Unlink(directory.Wire.Handle, name, flags, out uint handle);
        if (error != Errno.None)
        {
            return error;
        }

        if (handle != Protocol.NoHandle)
        {
            child.BindForGood(handle);
        }

        NoteRemoved(name);
        if (child.FileType != StatMode.S_IFDIR)
        {
            child.AddLinks(-1);
        }

        return Errno.None;
    }

    private Errno Make(
        Operation operation, in CreateContext context, string name, uint fileType, ulong device, string target,
        out Inode? child)
    {
        child = null;
        using TargetHold directory = GetWritableHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        CreateRequest request = MakeRequest(directory, context, name, fileType, device, target);
        error = Client.Make(operation, request, out WireNode node);
        if (error != Errno.None)
        {
            return error;
        }

        GoferInode made = Make(Gofer, this, name, node);
        NoteAdded(name, made);
        child = made;
        return Errno.None;
    }

    private Errno AdoptFile(string name, in WireNode node, int hostFd, out Inode? child)
    {
        child = null;
        if ((node.Attributes.Mode & StatMode.S_IFMT) != StatMode.S_IFREG)
        {
            HostUnistd.Close(hostFd);
            return Errno.EIO;
        }

        GoferRegularFile made = new(Gofer, this, name, node);
        made.AdoptDescriptor(hostFd);
        NoteAdded(name, made);
        child = made;
        return Errno.None;
    }

    private static CreateRequest MakeRequest(
        in TargetHold directory, in CreateContext context, string name, uint fileType, ulong device, string target)
    {
        uint mode = fileType | (context.Mode & ~StatMode.S_IFMT);
        return new CreateRequest(directory.Wire.Handle, mode, context.Uid, context.Gid, device, name, target);
    }

    private TargetHold GetWritableHandle(out Errno error)
    {
        if (!Gofer.IsServedReadOnly)
        {
            return GetHandle(out error);
        }

        error = Errno.EROFS;
        return default;
    }
}
