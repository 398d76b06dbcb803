using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// A file of the host. It may be unbound: known by its directory and name only, which cost the server nothing; a
/// handle is taken when the name is about to go away (and, on shared mounts, at once) and given up when there are many.
/// </summary>
internal abstract partial class GoferInode : Inode
{
    /// <summary>Guards attributes, binding and the caches of subclasses. No guest memory is touched under it.</summary>
    protected readonly OrderedLock<InodeLevel> Lock = new();
    private InodeAttributes _attributes;
    private GoferDirectory? _parent;
    private string _name;
    private string[]? _xattrNames;

    /// <summary>
    /// 1 when the host may have changed sizes and times since <see cref="_attributes"/> was read (our own writes).
    /// </summary>
    private int _isStale;

    protected GoferInode(GoferSuperBlock superBlock, GoferDirectory? parent, string name, in WireNode node)
        : base(superBlock)
    {
        _parent = parent;
        _name = name;
        HostIdentity = (node.Attributes.Device, node.Attributes.Inode);
        InodeNumber = superBlock.MapInodeNumber(node.Attributes.Device, node.Attributes.Inode);
        _attributes = Convert(node.Attributes);
        if (parent is null)
        {
            Client.Handles.Keep(this);
        }

        if (node.Handle != Protocol.NoHandle)
        {
            Bind(node.Handle);
        }
    }

    /// <summary>The inode of the right class for a node.</summary>
    internal static GoferInode Make(
        GoferSuperBlock superBlock, GoferDirectory? parent, string name, in WireNode node) =>
        (node.Attributes.Mode & StatMode.S_IFMT) switch
        {
            StatMode.S_IFDIR => new GoferDirectory(superBlock, parent, name, node),
            StatMode.S_IFREG => new GoferRegularFile(superBlock, parent, name, node),
            StatMode.S_IFLNK => new GoferSymlink(superBlock, parent, name, node),
            _ => new GoferSpecialFile(superBlock, parent, name, node),
        };

    /// <summary>Device and inode number on the host.</summary>
    internal (ulong Device, ulong Inode) HostIdentity { get; }

    /// <summary>st_ino.</summary>
    internal ulong InodeNumber { get; }

    /// <summary>Type bits never change, so no lock is needed.</summary>
    public override uint FileType => _attributes.Mode & StatMode.S_IFMT;

    /// <summary>The file system.</summary>
    protected GoferSuperBlock Gofer => (GoferSuperBlock)SuperBlock;

    /// <summary>Calls to the server.</summary>
    internal GoferClient Client => Gofer.Client;

    /// <summary>Parent directory as last known; null for the root.</summary>
    protected GoferDirectory? Parent => _parent;

    /// <summary>Inode number of the directory above; the root's own at the root.</summary>
    internal ulong ParentInodeNumber => _parent?.InodeNumber ?? InodeNumber;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        if (Gofer.IsShared ? !IsFresh : Volatile.Read(ref _isStale) != 0)
        {
            Errno error = Refresh();
            if (error != Errno.None)
            {
                attributes = default;
                return error;
            }
        }

        using (Lock.Enter())
        {
            attributes = _attributes;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno GetOwner(out InodeOwner owner)
    {
        using (Lock.Enter())
        {
            owner = new InodeOwner(_attributes.Mode, _attributes.Uid, _attributes.Gid);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        if (Gofer.IsServedReadOnly)
        {
            return Errno.EROFS;
        }

        using TargetHold target = GetTarget(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        WireAttributeChange wire = new()
        {
            Mask = (WireAttributeMask)(uint)change.Mask,
            Mode = change.Mode,
            Uid = change.Uid,
            Gid = change.Gid,
            SizeBytes = change.SizeBytes,
            AccessTimeNs = change.AccessTimeNs,
            ModifyTimeNs = change.ModifyTimeNs,
        };
        error = Client.SetAttributes(target.Wire, wire, out WireAttributes now);
        if (error == Errno.None)
        {
            Adopt(now);
        }

        return error;
    }

    /// <inheritdoc/>
    public override void Evict()
    {
        Gofer.ForgetLinked(this);
        Client.Handles.Forget(this);
    }

    /// <summary>The file has this name now (rename).</summary>
    internal void MoveTo(GoferDirectory parent, string name)
    {
        using (Lock.Enter())
        {
            _parent = parent;
            _name = name;
        }
    }

    /// <summary>An unnamed file (O_TMPFILE) got its first name.</summary>
    internal void AdoptFirstName(GoferDirectory parent, string name)
    {
        using (Lock.Enter())
        {
            if (_parent is null)
            {
                _parent = parent;
                _name = name;
            }
        }
    }

    /// <summary>Takes attributes the server just gave.</summary>
    internal void Adopt(in WireAttributes attributes)
    {
        InodeAttributes converted = Convert(attributes);
        using (Lock.Enter())
        {
            Volatile.Write(ref _isStale, 0);
            _attributes = converted;
        }
    }

    /// <summary>Sizes and times will be asked for at the next use.</summary>
    internal void MarkStale() => Volatile.Write(ref _isStale, 1);

    /// <summary>One name more or fewer, where nobody but us makes them.</summary>
    internal void AddLinks(int count)
    {
        using (Lock.Enter())
        {
            _attributes.LinkCount = (uint)Math.Max(0, (int)_attributes.LinkCount + count);
        }

        MarkStale();
    }

    /// <summary>The last name is gone, where nobody but us removes them.</summary>
    internal void DropLinks()
    {
        using (Lock.Enter())
        {
            _attributes.LinkCount = 0;
        }

        MarkStale();
    }

    /// <summary>Reads the attributes again; regular files ask their descriptor.</summary>
    protected virtual Errno Refresh()
    {
        if (Gofer.IsShared && SeesItself())
        {
            return Errno.None;
        }

        using TargetHold target = GetTarget(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        // Cleared before asking: a write that comes in between marks it again.
        Volatile.Write(ref _isStale, 0);
        long beforeNs = HostTime.Now(HostTime.ClockRealtime);
        error = Client.GetAttributes(target.Wire, out WireAttributes now);
        if (error == Errno.None)
        {
            InodeAttributes converted = Convert(now);
            using (Lock.Enter())
            {
                _attributes = converted;
                NoteOwnerLocked(beforeNs);
            }
        }

        return error;
    }

    /// <summary>
    /// Takes sizes and times read from a descriptor with fstat(2); owners in it are as the Sentry's own user namespace
    /// shows them, and so mean nothing.
    /// </summary>
    protected void AdoptStat(in Stat stat)
    {
        using (Lock.Enter())
        {
            AdoptStatLocked(stat);
        }
    }

    private void AdoptStatLocked(in Stat stat)
    {
        _attributes.Mode = stat.st_mode;
        _attributes.LinkCount = (uint)stat.st_nlink;
        _attributes.SizeBytes = stat.st_size;
        _attributes.Blocks = stat.st_blocks;
        _attributes.AccessTimeNs = ToNs(stat.st_atime, stat.st_atime_nsec);
        _attributes.ModifyTimeNs = ToNs(stat.st_mtime, stat.st_mtime_nsec);
        _attributes.ChangeTimeNs = ToNs(stat.st_ctime, stat.st_ctime_nsec);
    }

    /// <summary>
    /// Clears the mark that <see cref="MarkStale"/> set; before the attributes are read, so that no change is
    /// missed.
    /// </summary>
    internal void ClearStale() => Volatile.Write(ref _isStale, 0);

    private static long ToNs(ulong seconds, ulong nanoseconds) =>
        unchecked(((long)seconds * 1_000_000_000) + (long)nanoseconds);

    private InodeAttributes Convert(in WireAttributes wire) => new()
    {
        Mode = wire.Mode,
        Uid = wire.Uid,
        Gid = wire.Gid,
        LinkCount = wire.LinkCount,
        Inode = InodeNumber,
        Device = SuperBlock.Device,
        SpecialDevice = wire.SpecialDevice,
        SizeBytes = wire.SizeBytes,
        Blocks = wire.Blocks,
        BlockSizeBytes = wire.BlockSizeBytes,
        AccessTimeNs = wire.AccessTimeNs,
        ModifyTimeNs = wire.ModifyTimeNs,
        ChangeTimeNs = wire.ChangeTimeNs,
        BirthTimeNs = wire.BirthTimeNs,
    };
}
