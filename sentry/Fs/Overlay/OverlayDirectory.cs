using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// A directory: the upper real one (if any) over lower ones. A name is what the uppermost layer that knows it says;
/// a whiteout says that there is none.
/// </summary>
internal sealed partial class OverlayDirectory : OverlayInode
{
    /// <summary>Path of the lower directories from the lower roots; "" for the roots.</summary>
    private readonly string _lowerPath;
    private readonly Inode? _firstReal;

    /// <summary>Lower directories, the uppermost first. Emptied when the directory is removed.</summary>
    private Inode[] _lowers;

    /// <summary>Names of all layers as last read, or null. Guarded by <see cref="UpperLock"/>.</summary>
    private DirectoryListing? _listing;

    private OverlayDirectory(
        OverlaySuperBlock superBlock, OverlayDirectory? parent, string name, ulong inodeNumber, in OverlayStack stack)
        : base(superBlock, parent, name, inodeNumber, stack.Upper)
    {
        _lowers = stack.Lowers;
        _lowerPath = stack.LowerPath;
        _firstReal = stack.Upper ?? stack.Lowers[0];
        if (stack.Upper is { } upper)
        {
            upper.IsChangedFromAbove = true;
        }
    }

    /// <summary>
    /// Guards the entries of the upper directory and <see cref="_listing"/>; held around every change of them.
    /// </summary>
    internal OrderedLock<UpperDirectoryLevel> UpperLock { get; } = new();

    /// <inheritdoc/>
    internal override Inode Real => Upper ?? _firstReal!;

    /// <inheritdoc/>
    public override uint FileType => StatMode.S_IFDIR;

    /// <summary>Inode number of the directory above; its own at the root.</summary>
    internal ulong ParentInodeNumber => Parent?.InodeNumber ?? InodeNumber;

    /// <summary>True when lower layers have a part in it.</summary>
    private bool IsMerged => Volatile.Read(ref _lowers).Length > 0;

    /// <summary>The root directory.</summary>
    internal static OverlayDirectory MakeRoot(OverlaySuperBlock superBlock, OverlayLayers layers)
    {
        layers.Lowers[0].GetAttributes(out InodeAttributes attributes);
        ulong number = superBlock.MapInodeNumber(layers.Lowers[0].SuperBlock, attributes.Inode);
        OverlayDirectory root = new(superBlock, null, "", number, new OverlayStack(layers.Upper, layers.Lowers, ""));
        root.HoldReals();
        return root;
    }

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        Errno error = base.GetAttributes(out attributes);
        if (IsMerged)
        {
            // What find(1) and the like take for "the number of subdirectories is not known".
            attributes.LinkCount = 1;
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new OverlayDirectoryDescription(this, path, flags);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = null;
        Errno error = LookupUpper(task, name, out Inode? upper);
        if (error != Errno.None)
        {
            return error;
        }

        if (upper is not null && OverlayXattr.IsWhiteout(upper))
        {
            return Errno.ENOENT;
        }

        if (upper is not null && upper.FileType != StatMode.S_IFDIR)
        {
            return Overlay.GetFile(this, name, upper, OverlayXattr.GetOrigin(task, upper), out child);
        }

        OverlayLookup found = new() { LowerPath = _lowerPath + "/" + name };
        error = FindLowers(task, name, upper, ref found);
        if (error != Errno.None)
        {
            return error;
        }

        if (found.File is not null && upper is null)
        {
            return Overlay.GetFile(this, name, found.File, new OverlayOrigin(OverlayOriginKind.IsLower, 0), out child);
        }

        return upper is null && found.Directories.Count == 0
            ? Errno.ENOENT
            : MakeChildDirectory(task, name, upper, found, out child);
    }

    /// <inheritdoc/>
    public override void Evict()
    {
        foreach (Inode lower in _lowers)
        {
            lower.DropReference();
        }

        Upper?.DropReference();
        using (UpperLock.Enter())
        {
            _listing = null;
        }
    }

    /// <summary>fsync(2).</summary>
    internal Errno Sync(Task task)
    {
        if (Upper is not { } upper)
        {
            return Errno.None;
        }

        Errno error = upper.Open(task, default, Fcntl.O_RDONLY, out FileDescription? file);
        if (error == Errno.None)
        {
            error = file!.Sync(task);
            file.DropReference(task);
        }

        return error;
    }

    /// <inheritdoc/>
    protected override Errno CopyUpLocked(Task task, long dataBytes)
    {
        Errno error = Real.GetAttributes(out InodeAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        string temporary = Overlay.NextTemporaryName();
        CreateContext context = new(task, attributes.Mode, attributes.Uid, attributes.Gid);
        Inode? copy;
        using (Overlay.WorkLock.Enter())
        {
            error = Overlay.Work.MakeDirectory(context, temporary, out copy);
        }

        if (error != Errno.None)
        {
            return error;
        }

        copy!.TryReference();
        error = OverlayCopy.Xattrs(task, Real, copy);
        error = error == Errno.None ? OverlayXattr.SetOrigin(task, copy, InodeNumber) : error;
        error = error == Errno.None ? OverlayCopy.Attributes(task, attributes, copy) : error;
        error = error == Errno.None ? PlaceCopyLocked(task, temporary, copy) : error;
        if (error != Errno.None)
        {
            using (Overlay.WorkLock.Enter())
            {
                Overlay.Work.RemoveDirectory(task, temporary, copy);
            }

            copy.DropReference();
            return error;
        }

        copy.IsChangedFromAbove = true;
        PublishUpper(copy);
        return Errno.None;
    }

    /// <summary>A removed directory has no place: nobody will look for the copy.</summary>
    private Errno PlaceCopyLocked(Task task, string temporary, Inode copy)
    {
        if (Parent is { } parent)
        {
            return parent.TakeTemporary(task, temporary, copy, Name);
        }

        using (Overlay.WorkLock.Enter())
        {
            return Overlay.Work.RemoveDirectory(task, temporary, copy);
        }
    }

    private Errno LookupUpper(Task task, string name, out Inode? upper)
    {
        upper = null;
        if (Upper is not { } directory)
        {
            return Errno.None;
        }

        Errno error = directory.Lookup(task, name, out upper);
        return error == Errno.ENOENT ? Errno.None : error;
    }

    /// <summary>What the lower layers have under a name that the upper layer does not decide.</summary>
    private Errno FindLowers(Task task, string name, Inode? upper, ref OverlayLookup found)
    {
        if (upper is not null && OverlayXattr.IsOpaque(task, upper))
        {
            return Errno.None;
        }

        if (upper is not null && OverlayXattr.TryGetRedirect(task, upper, out string path))
        {
            found.LowerPath = path;
            return Overlay.ResolveLower(task, path, ref found);
        }

        return LookupIn(task, Volatile.Read(ref _lowers), name, Overlay.HasManyLowers, ref found);
    }

    /// <summary>
    /// Looks a name up in layers from above: directories are collected until a layer has something else, a
    /// whiteout, or an opaque directory.
    /// </summary>
    internal static Errno LookupIn(Task task, Inode[] layers, string name, bool mayBeOpaque, ref OverlayLookup found)
    {
        foreach (Inode layer in layers)
        {
            Errno error = layer.Lookup(task, name, out Inode? child);
            if (error == Errno.ENOENT)
            {
                continue;
            }

            if (error != Errno.None)
            {
                return error;
            }

            if (child!.FileType != StatMode.S_IFDIR)
            {
                bool counts = found.Directories.Count == 0 && !OverlayXattr.IsWhiteout(child);
                found.File = counts ? child : null;
                return Errno.None;
            }

            found.Directories.Add(child);
            if (mayBeOpaque && OverlayXattr.IsOpaque(task, child))
            {
                return Errno.None;
            }
        }

        return Errno.None;
    }

    private Errno MakeChildDirectory(Task task, string name, Inode? upper, in OverlayLookup found, out Inode? child)
    {
        child = null;
        Inode[] lowers = found.Directories.ToArray();
        Inode first = lowers.Length > 0 ? lowers[0] : upper!;
        Errno error = first.GetAttributes(out InodeAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        OverlayOrigin origin = upper is null ? default : OverlayXattr.GetOrigin(task, upper);
        ulong number = origin.Number != 0 ? origin.Number : Overlay.MapInodeNumber(first.SuperBlock, attributes.Inode);
        OverlayDirectory made = new(Overlay, this, name, number, new OverlayStack(upper, lowers, found.LowerPath));
        bool held = made.HoldReals();
        child = held ? made : null;
        return held ? Errno.None : Errno.ESTALE;
    }

    private bool HoldReals()
    {
        bool held = true;
        foreach (Inode lower in _lowers)
        {
            held &= lower.TryReference();
        }

        return held && (Upper is not { } upper || upper.TryReference());
    }
}

/// <summary>Real directories of one overlay directory.</summary>
internal readonly record struct OverlayStack(Inode? Upper, Inode[] Lowers, string LowerPath);

/// <summary>What a lookup found in lower layers: directories to merge, or one file.</summary>
internal struct OverlayLookup
{
    private List<Inode>? _directories;

    /// <summary>Directories, the uppermost first.</summary>
    internal List<Inode> Directories => _directories ??= [];

    /// <summary>What is no directory, when nothing lies above it.</summary>
    internal Inode? File { get; set; }

    /// <summary>Path of the directories from the lower roots.</summary>
    internal string LowerPath { get; set; }
}
