using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>Anything but a directory.</summary>
internal sealed partial class OverlayFile : OverlayInode
{
    private readonly Inode? _lower;
    private uint _lostNames;

    internal OverlayFile(
        OverlaySuperBlock superBlock, OverlayDirectory? parent, string name, ulong inodeNumber, Inode real,
        bool isLower)
        : base(superBlock, parent, name, inodeNumber, isLower ? null : real) => _lower = isLower ? real : null;

    /// <summary>Set for lower files with several names.</summary>
    internal OverlayIndexEntry? IndexEntry { get; init; }

    /// <inheritdoc/>
    internal override Inode Real => Upper ?? _lower!;

    /// <summary>
    /// The copy of a file with several names stays in the work directory: each name still leads to the lower file,
    /// and that to the copy.
    /// </summary>
    protected override OverlayDirectory? CopyUpParent => IndexEntry is null ? Parent : null;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        Errno error = base.GetAttributes(out attributes);
        if (IndexEntry is { } entry)
        {
            attributes.LinkCount = entry.LinkCount;
        }
        else if (Upper is null)
        {
            attributes.LinkCount -= uint.Min(attributes.LinkCount, _lostNames);
        }

        return error;
    }

    /// <inheritdoc/>
    public override ulong CachedBytes(ulong start, ulong end) => Real.CachedBytes(start, end);

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        if (FileType != StatMode.S_IFREG)
        {
            return OpenSpecial(task, path, flags, out file);
        }

        bool wantsWrite = (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
        Errno error = wantsWrite ? EnsureUpper(task) : Errno.None;
        if (error == Errno.None)
        {
            error = OpenReal(task, path, flags, out Inode real, out FileDescription? opened);
            file = error == Errno.None ? new OverlayFileDescription(this, path, flags, real, opened!) : null;
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string target) => Real.ReadLink(task, out target);

    /// <inheritdoc/>
    public override void Evict()
    {
        Overlay.Forget(_lower, this);
        Overlay.Forget(Upper, this);
        _lower?.DropReference();
        Upper?.DropReference();
    }

    /// <summary>
    /// Takes the references on real files that <see cref="Evict"/> drops; false when one is being evicted itself.
    /// </summary>
    internal bool HoldReals()
    {
        if (IndexEntry?.Upper is { } shared && Upper is null && shared.TryReference())
        {
            PublishUpper(shared);
        }

        return Real == Upper && _lower is null ? Upper!.TryReference() : _lower is null || _lower.TryReference();
    }

    /// <summary>Opens the real file that counts now.</summary>
    internal Errno OpenReal(Task task, VfsPath path, int flags, out Inode real, out FileDescription? file)
    {
        real = Real;
        return real.Open(task, path, flags, out file);
    }

    /// <summary>
    /// One name fewer: <paramref name="name"/> in <paramref name="directory"/>. Caller: copy-up lock.
    /// </summary>
    internal void LoseNameLocked(Task task, OverlayDirectory directory, string name)
    {
        if (Parent == directory && Name == name)
        {
            MoveToLocked(null, "");
        }

        _lostNames++;
        if (IndexEntry is not { } entry)
        {
            return;
        }

        entry.LinkCount -= uint.Min(entry.LinkCount, 1);
        if (entry.LinkCount == 0)
        {
            DropSharedCopyLocked(task, entry);
        }
    }

    /// <summary>One name more. Caller: copy-up lock.</summary>
    internal void GainNameLocked(OverlayDirectory directory, string name)
    {
        if (Parent is null)
        {
            MoveToLocked(directory, name);
        }

        if (IndexEntry is { } entry)
        {
            entry.LinkCount++;
        }

        Overlay.Remember(Upper!, this);
    }

    private Errno OpenSpecial(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        if (FileType == StatMode.S_IFLNK)
        {
            return Errno.ELOOP;
        }

        Errno error = Real.GetAttributes(out InodeAttributes attributes);
        return error == Errno.None
            ? task.Kernel.Vfs.SpecialFiles.Open(task, this, path, flags, attributes.SpecialDevice, out file)
            : error;
    }

    private void DropSharedCopyLocked(Task task, OverlayIndexEntry entry)
    {
        Overlay.DropIndexEntry(entry);
        if (entry.Upper is not { } shared)
        {
            return;
        }

        using (Overlay.WorkLock.Enter())
        {
            Overlay.Work.Unlink(task, entry.WorkName, shared);
        }

        entry.Upper = null;
        shared.DropReference();
    }
}
