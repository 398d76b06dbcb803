using System;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>A tree of mounts (mount_namespaces(7)).</summary>
public sealed partial class MountNamespace : INamespace
{
    /// <summary>fs.mount-max: most mounts of one namespace.</summary>
    public const int MaxMounts = 100_000;

    private readonly VirtualFileSystem _vfs;
    private Mount _root;
    private int _users = 1;

    internal MountNamespace(VirtualFileSystem vfs, Mount root, UserNamespace owner)
    {
        _vfs = vfs;
        _root = root;
        Owner = owner;
        InodeNumber = NamespaceInodes.Next();
        vfs.Register(this);
    }

    /// <summary>The initial namespace: the given instance is "/".</summary>
    public static MountNamespace Create(VirtualFileSystem vfs, SuperBlock root, uint flags, UserNamespace owner)
    {
        Mount mount = new(root, root.RootDentry, WithDefaults(flags));
        MountNamespace made = new(vfs, mount, owner);
        mount.SetNamespace(made);
        return made;
    }

    /// <summary>Mount that is "/" of a task without chroot.</summary>
    public Mount Root => Volatile.Read(ref _root);

    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.Mount;

    /// <summary>Whose capabilities count for mount(2) here.</summary>
    public UserNamespace Owner { get; }

    /// <summary>Number that /proc/pid/ns/mnt shows.</summary>
    public ulong InodeNumber { get; }

    /// <summary>Notified when the tree changes: poll(2) on /proc/pid/mounts.</summary>
    public WaitQueue Changed { get; } = new();

    /// <summary>Grows with every change of the tree.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>Mounts in it.</summary>
    internal int MountCount => Volatile.Read(ref _mountCount);

    private long _generation;
    private int _mountCount;

    /// <summary>One more task or descriptor uses the namespace.</summary>
    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One fewer; the last one takes the tree apart.</summary>
    public void DropUser()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _vfs.DissolveNamespace(this);
        }
    }

    /// <summary>
    /// Composition: attaches an instance at an absolute path of this namespace, without permission checks and without
    /// propagation. Errors of the walk.
    /// </summary>
    public Errno Attach(Task task, string path, SuperBlock superBlock, uint flags)
    {
        Errno errno = _vfs.LookupAt(task, RootTop, RootTop, path, LookupFlags.Follow
            | LookupFlags.NoPermissionChecks, out VfsPath place);
        return errno != Errno.None
            ? errno
            : _vfs.AttachNew(new Mount(superBlock, superBlock.RootDentry, WithDefaults(flags)), place);
    }

    /// <summary>What a path walk from "/" sees: the topmost mount on the root.</summary>
    public VfsPath RootTop
    {
        get
        {
            VfsPath at = Root.RootPath;
            while (at.Mount.FindChild(at.Dentry) is { } above)
            {
                at = above.RootPath;
            }

            return at;
        }
    }

    /// <summary>relatime unless another access-time rule is given, as mount(2) has it.</summary>
    private static uint WithDefaults(uint flags)
    {
        const uint OtherRules = MountFlags.MS_NOATIME | MountFlags.MS_STRICTATIME;
        return (flags & OtherRules) != 0 ? flags : flags | MountFlags.MS_RELATIME;
    }

    /// <summary>Mounts came (positive) or went.</summary>
    internal void CountMounts(int change) => Interlocked.Add(ref _mountCount, change);

    internal void SetRoot(Mount root) => Volatile.Write(ref _root, root);

    internal void ReportChange()
    {
        Interlocked.Increment(ref _generation);
        Changed.Notify(0x2 | 0x8);
    }
}
