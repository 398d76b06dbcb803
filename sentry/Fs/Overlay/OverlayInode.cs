using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// A file of the overlay: the upper real file if there is one, else a lower one. What changes it first makes it
/// upper (copy-up). It holds a reference on its real files.
/// </summary>
internal abstract class OverlayInode : Inode
{
    private static long s_lastSerial;

    private readonly long _serial = Interlocked.Increment(ref s_lastSerial);
    private OverlayDirectory? _parent;
    private string _name;
    private Inode? _upper;

    protected OverlayInode(
        OverlaySuperBlock superBlock, OverlayDirectory? parent, string name, ulong inodeNumber, Inode? upper)
        : base(superBlock)
    {
        _parent = parent;
        _name = name;
        _upper = upper;
        InodeNumber = inodeNumber;
    }

    /// <summary>
    /// Held while the file is copied up and while its name changes; guards <see cref="Parent"/>, <see cref="Name"/>
    /// and the setting of <see cref="Upper"/>.
    /// </summary>
    internal OrderedLock<CopyUpLevel> CopyUpLock { get; } = new();

    /// <summary>st_ino: that of the lower file as long as the file lives, copied up or not.</summary>
    internal ulong InodeNumber { get; }

    /// <summary>Directory it is in; null for the root and for files without a name.</summary>
    internal OverlayDirectory? Parent => Volatile.Read(ref _parent);

    /// <summary>Its name there.</summary>
    internal string Name => _name;

    /// <summary>Real file in the writable layer, null until copy-up.</summary>
    internal Inode? Upper => Volatile.Read(ref _upper);

    /// <summary>The real file whose contents and attributes count.</summary>
    internal abstract Inode Real { get; }

    /// <inheritdoc/>
    public override uint FileType => Real.FileType;

    /// <summary>The file system.</summary>
    protected OverlaySuperBlock Overlay => (OverlaySuperBlock)SuperBlock;

    /// <inheritdoc/>
    public override AccessControlList? AccessList => Real.AccessList;

    /// <inheritdoc/>
    public override AccessControlList? DefaultAccessList => Real.DefaultAccessList;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        Errno error = Real.GetAttributes(out attributes);
        attributes.Inode = InodeNumber;
        attributes.Device = SuperBlock.Device;
        return error;
    }

    /// <inheritdoc/>
    public override Errno GetOwner(out InodeOwner owner) => Real.GetOwner(out owner);

    /// <inheritdoc/>
    public override void TouchAccessTime(AccessTimePolicy policy) => Upper?.TouchAccessTime(policy);

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        long dataBytes = (change.Mask & AttributeMask.Size) != 0 ? change.SizeBytes : long.MaxValue;
        Errno error = EnsureUpper(task, dataBytes);
        return error == Errno.None ? Upper!.SetAttributes(task, change) : error;
    }

    /// <inheritdoc/>
    public override bool HasFileFlags => Upper is { } upper
        ? upper.HasFileFlags
        : FileType is StatMode.S_IFREG or StatMode.S_IFDIR && !SuperBlock.IsReadOnly;

    /// <inheritdoc/>
    public override uint FileFlags => Upper?.FileFlags ?? 0;

    /// <inheritdoc/>
    public override Errno SetFileFlags(Task task, uint flags)
    {
        Errno error = EnsureUpper(task);
        return error == Errno.None ? Upper!.SetFileFlags(task, flags) : error;
    }

    /// <inheritdoc/>
    public override Errno GetXattr(Task task, string name, out byte[] value)
    {
        return Real.GetXattr(task, OverlayXattr.ToReal(name), out value);
    }

    /// <inheritdoc/>
    public override Errno SetXattr(Task task, string name, ReadOnlySpan<byte> value, int flags)
    {
        Errno error = EnsureUpper(task);
        return error == Errno.None ? Upper!.SetXattr(task, OverlayXattr.ToReal(name), value, flags) : error;
    }

    /// <inheritdoc/>
    public override Errno ListXattr(Task task, List<string> names)
    {
        List<string> all = [];
        Errno error = Real.ListXattr(task, all);
        foreach (string name in all)
        {
            if (OverlayXattr.TryFromReal(name, out string shown))
            {
                names.Add(shown);
            }
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno RemoveXattr(Task task, string name)
    {
        string real = OverlayXattr.ToReal(name);

        // What is not there needs no copy to be removed from.
        Errno error = Real.GetXattr(task, real, out _);
        error = error is Errno.ENODATA or Errno.EOPNOTSUPP ? error : EnsureUpper(task);
        return error == Errno.None ? Upper!.RemoveXattr(task, real) : error;
    }

    /// <summary>
    /// Copies the file up unless it is, its directory first. At most <paramref name="dataBytes"/> of its contents
    /// come along (what comes behind is about to be cut). EROFS without an upper layer. Caller: no lock at or below
    /// <see cref="CopyUpLevel"/>.
    /// </summary>
    internal Errno EnsureUpper(Task task, long dataBytes = long.MaxValue)
    {
        while (Upper is null)
        {
            if (Overlay.HasNoUpper)
            {
                return Errno.EROFS;
            }

            OverlayDirectory? parent = CopyUpParent;
            Errno error = parent?.EnsureUpper(task) ?? Errno.None;
            if (error != Errno.None)
            {
                return error;
            }

            using (CopyUpLock.Enter())
            {
                if (Upper is null && parent == CopyUpParent)
                {
                    error = CopyUpLocked(task, dataBytes);
                }
            }

            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>Directory where the copy gets its name; null when it needs none.</summary>
    protected virtual OverlayDirectory? CopyUpParent => Parent;

    /// <summary>Makes the copy and calls <see cref="PublishUpper"/>. The directory, if any, is upper.</summary>
    protected abstract Errno CopyUpLocked(Task task, long dataBytes);

    /// <summary>The copy is complete and has its name; takes over a reference on it.</summary>
    protected void PublishUpper(Inode upper) => Volatile.Write(ref _upper, upper);

    /// <summary>The file has another name now, or none (null). Caller: copy-up lock.</summary>
    internal void MoveToLocked(OverlayDirectory? parent, string name)
    {
        _name = name;
        Volatile.Write(ref _parent, parent);
    }

    /// <summary>Takes the copy-up locks of one or two files in the order of their creation.</summary>
    internal static void OrderPair(
        OverlayInode left, OverlayInode right, out OverlayInode first, out OverlayInode second)
    {
        bool inOrder = left._serial < right._serial;
        first = inOrder ? left : right;
        second = inOrder ? right : left;
    }
}
