using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// A file system, or a part of one, attached at a place. The tree is changed under the Rename and Mount locks; walks
/// read children, parent and flags
/// without a lock.
/// </summary>
public sealed partial class Mount
{
    /// <summary>Flags of one mount (the rest of mount(2)'s flags belong to the instance).</summary>
    internal const uint PerMountFlags = MountFlags.MS_RDONLY | MountFlags.MS_NOSUID | MountFlags.MS_NODEV
        | MountFlags.MS_NOEXEC
        | MountFlags.MS_NOATIME | MountFlags.MS_NODIRATIME | MountFlags.MS_RELATIME | MountFlags.MS_NOSYMFOLLOW;

    /// <summary>Unique numbers are above this, so that nobody takes one kind for the other (fs/namespace.c).</summary>
    internal const ulong FirstUniqueId = 1ul << 31;

    private static int s_nextId;

    private Placement? _placement;
    private MountNamespace? _namespace;
    private uint _flags;
    private int _pins;
    private int _writers;
    private int _isReleased;

    internal Mount(SuperBlock superBlock, Dentry root, uint flags)
    {
        SuperBlock = superBlock;
        Root = root;
        _flags = flags & PerMountFlags;
        Id = Interlocked.Increment(ref s_nextId);
        superBlock.AddMount();
        root.Pin();
    }

    /// <summary>Where a mount hangs; replaced as a whole.</summary>
    private sealed record Placement(Mount Parent, Dentry Mountpoint);

    /// <summary>Number in /proc/pid/mountinfo and statx(2).</summary>
    public int Id { get; }

    /// <summary>Number that is never given again: statmount(2), listmount(2), STATX_MNT_ID_UNIQUE.</summary>
    public ulong UniqueId => FirstUniqueId + (ulong)Id;

    /// <summary>File system instance.</summary>
    public SuperBlock SuperBlock { get; }

    /// <summary>What of the instance is seen here.</summary>
    public Dentry Root { get; }

    /// <summary>Where a walk that starts at this mount stands.</summary>
    public VfsPath RootPath => new(this, Root);

    /// <summary>Mount it is attached to; null for the root of a namespace and for detached mounts.</summary>
    public Mount? Parent => Volatile.Read(ref _placement)?.Parent;

    /// <summary>The place it covers; default when it has no parent.</summary>
    public VfsPath Mountpoint =>
        Volatile.Read(ref _placement) is { } at ? new VfsPath(at.Parent, at.Mountpoint) : default;

    /// <summary>Namespace it is part of; null while detached.</summary>
    public MountNamespace? Namespace => Volatile.Read(ref _namespace);

    /// <summary>
    /// MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME, MS_NOSYMFOLLOW.
    /// </summary>
    public uint Flags => Volatile.Read(ref _flags);

    /// <summary>Flags that a less privileged namespace must not clear (MNT_LOCK_*).</summary>
    internal uint LockedFlags { get; set; }

    /// <summary>True when a less privileged namespace must not change the access-time flags (MNT_LOCK_ATIME).</summary>
    internal bool LocksAccessTimes { get; set; }

    /// <summary>True when a less privileged namespace must not unmount it alone (MNT_LOCKED).</summary>
    internal bool IsLocked { get; set; }

    /// <summary>Open files, working directories and roots.</summary>
    internal int PinCount => Volatile.Read(ref _pins);

    /// <summary>Set by the first umount2(MNT_EXPIRE), cleared by any use.</summary>
    internal bool IsExpiring { get; set; }

    /// <summary>True when nothing may be written through this mount.</summary>
    public bool IsReadOnly => ((Flags | (uint)SuperBlock.Flags) & MountFlags.MS_RDONLY) != 0;

    /// <summary>True when set-id bits and file capabilities do not count here.</summary>
    public bool IsNoSetId => (Flags & MountFlags.MS_NOSUID) != 0;

    /// <summary>True when nothing may be executed or mapped executable from here.</summary>
    public bool IsNoExecute => (Flags & MountFlags.MS_NOEXEC) != 0;

    /// <summary>True when device nodes do not work here.</summary>
    public bool IsNoDevices => (Flags & MountFlags.MS_NODEV) != 0;

    /// <summary>EROFS when nothing may be changed through this mount (mnt_want_write).</summary>
    public Errno WantWrite() => IsReadOnly ? Errno.EROFS : Errno.None;

    /// <summary>When reading a file or directory here sets its access time.</summary>
    internal AccessTimePolicy AccessTimePolicyFor(Inode inode)
    {
        uint flags = Flags;
        bool never = (flags & MountFlags.MS_NOATIME) != 0 || IsReadOnly
            || ((flags & MountFlags.MS_NODIRATIME) != 0 && inode.FileType == StatMode.S_IFDIR);
        if (never)
        {
            return AccessTimePolicy.Never;
        }

        return (flags & MountFlags.MS_RELATIME) != 0 ? AccessTimePolicy.Relative : AccessTimePolicy.Always;
    }

    internal void Pin()
    {
        Interlocked.Increment(ref _pins);
        IsExpiring = false;
    }

    internal void Unpin()
    {
        if (Interlocked.Decrement(ref _pins) == 0)
        {
            ReleaseIfUnused();
        }
    }

    /// <summary>A file was opened for writing: remounting read-only must say EBUSY.</summary>
    internal void AddWriter()
    {
        Interlocked.Increment(ref _writers);
        SuperBlock.AddWriter();
    }

    internal void DropWriter()
    {
        SuperBlock.DropWriter();
        Interlocked.Decrement(ref _writers);
    }

    internal bool HasWriters => Volatile.Read(ref _writers) != 0;

    internal void SetFlags(uint flags) => Volatile.Write(ref _flags, flags & PerMountFlags);

    internal void SetNamespace(MountNamespace? owner)
    {
        MountNamespace? old = Interlocked.Exchange(ref _namespace, owner);
        old?.CountMounts(-1);
        owner?.CountMounts(1);
    }

    /// <summary>Attaches below <paramref name="parent"/>. Caller: Rename and Mount locks.</summary>
    internal void AttachLocked(Mount parent, Dentry mountpoint)
    {
        mountpoint.AddMount();
        Volatile.Write(ref _placement, new Placement(parent, mountpoint));
        parent.AddChildLocked(this, mountpoint);
    }

    /// <summary>Detaches from the parent, if there is one. Caller: Rename and Mount locks.</summary>
    internal void DetachLocked()
    {
        Placement? at = _placement;
        if (at is null)
        {
            return;
        }

        at.Parent.RemoveChildLocked(this, at.Mountpoint);
        Volatile.Write(ref _placement, null);
        at.Mountpoint.RemoveMount();
    }

    /// <summary>Lets go of the file system when the mount is neither attached nor in use.</summary>
    internal void ReleaseIfUnused()
    {
        bool used = Volatile.Read(ref _pins) != 0 || _namespace is not null;
        if (!used && Interlocked.Exchange(ref _isReleased, 1) == 0)
        {
            Root.Unpin();
            SuperBlock.DropMount();
        }
    }
}
