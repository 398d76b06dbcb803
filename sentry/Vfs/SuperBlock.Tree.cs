using System.Threading;
using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>What the VFS keeps with each file system instance.</summary>
public abstract partial class SuperBlock
{
    private Dentry? _rootDentry;
    private Mount? _internalMount;
    private int _mounts;
    private int _writers;
    private ulong _flags;

    /// <summary>
    /// MS_RDONLY, MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME of the instance (not of one mount).
    /// </summary>
    public ulong Flags
    {
        get => Volatile.Read(ref _flags);
        set => Volatile.Write(ref _flags, value);
    }

    /// <summary>True when no mount of it may write.</summary>
    public bool IsReadOnly => (Flags & MountFlags.MS_RDONLY) != 0;

    /// <summary>
    /// True when dentries are never dropped to save memory, because the file system is nothing but them (tmpfs).
    /// </summary>
    public virtual bool KeepsDentries => false;

    /// <summary>The dentry every mount of the whole instance starts from.</summary>
    public Dentry RootDentry
    {
        get
        {
            Dentry? existing = Volatile.Read(ref _rootDentry);
            if (existing is not null)
            {
                return existing;
            }

            Inode root = Root;
            Dentry made = new(this, parent: null, "/", root);
            Dentry? winner = Interlocked.CompareExchange(ref _rootDentry, made, null);
            if (winner is null)
            {
                root.TryReference();
            }

            return winner ?? made;
        }
    }

    /// <summary>A mount that is part of no namespace, through which paths of anonymous files are seen.</summary>
    internal Mount InternalMount
    {
        get
        {
            Mount? existing = Volatile.Read(ref _internalMount);
            if (existing is not null)
            {
                return existing;
            }

            Mount made = new(this, RootDentry, 0);
            made.Pin();
            return Interlocked.CompareExchange(ref _internalMount, made, null) ?? made;
        }
    }

    /// <summary>The internal mount if there is one.</summary>
    internal Mount? InternalMountIfMade => Volatile.Read(ref _internalMount);

    /// <summary>True while some mount shows it.</summary>
    internal bool IsMounted => Volatile.Read(ref _mounts) != 0;

    /// <summary>True while a file of it is open for writing.</summary>
    internal bool HasWriters => Volatile.Read(ref _writers) != 0;

    internal void AddWriter() => Interlocked.Increment(ref _writers);

    internal void DropWriter() => Interlocked.Decrement(ref _writers);

    internal void AddMount() => Interlocked.Increment(ref _mounts);

    /// <summary>One mount fewer; the last one drops the dentry tree and releases the instance.</summary>
    internal void DropMount()
    {
        if (Interlocked.Decrement(ref _mounts) == 0)
        {
            Release();
        }
    }
}
