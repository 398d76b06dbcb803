using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>One tmpfs with its limits (tmpfs(5)).</summary>
public sealed class TmpfsSuperBlock : SuperBlock, IPageQuota
{
    private const int PageSize = 4096;
    private const long XattrLimitBytes = 64L * 1024 * 1024;

    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly TmpfsDirectory _root;
    private TmpfsOptions _options;
    private ulong _pages;
    private ulong _inodes;
    private long _xattrBytes;
    private long _nextInode;
    private long _heapBytes;
    private bool _isReleased;

    /// <summary>An empty instance.</summary>
    public TmpfsSuperBlock(FileSystemType type, Task task, ulong device, in TmpfsOptions options)
        : base(type, device)
    {
        _options = options;
        CreateContext context = new(task, StatMode.S_IFDIR | options.Mode, options.Uid, options.Gid);
        _root = new TmpfsDirectory(this, in context, parent: null);
        _inodes = 1;
    }

    /// <summary>
    /// One rename at a time. The VFS sees to that for what goes through it, but not for an overlay that has a directory
    /// of this instance as its upper one.
    /// </summary>
    internal OrderedLock<TmpfsRenameLevel> RenameLock { get; } = new();

    /// <inheritdoc/>
    public override Inode Root => _root;

    /// <inheritdoc/>
    public override bool KeepsDentries => true;

    /// <inheritdoc/>
    public override string Options => _options.ToMountOptions();

    /// <inheritdoc/>
    public override Errno GetStatistics(Task task, out FileSystemStatistics statistics)
    {
        using (_lock.Enter())
        {
            ulong maxPages = _options.MaxPages;
            ulong maxInodes = _options.MaxInodes;
            statistics = new FileSystemStatistics
            {
                Magic = Magic.TMPFS_MAGIC,
                BlockSizeBytes = PageSize,
                Blocks = maxPages,
                FreeBlocks = maxPages == 0 ? 0 : maxPages - _pages,
                AvailableBlocks = maxPages == 0 ? 0 : maxPages - _pages,
                Files = maxInodes,
                FreeFiles = maxInodes == 0 ? 0 : maxInodes - _inodes,
                NameLengthMax = 255,
            };
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Remount(Task task, string data)
    {
        using (_lock.Enter())
        {
            TmpfsOptions wanted = _options;
            Errno errno = TmpfsOptions.Parse(task, data, ref wanted);
            if (errno != Errno.None)
            {
                return errno;
            }

            bool tooSmall = (wanted.MaxPages != 0 && wanted.MaxPages < _pages) || (wanted.MaxInodes != 0
                && wanted.MaxInodes < _inodes);
            if (tooSmall)
            {
                return Errno.EINVAL;
            }

            _options = wanted with { Mode = _options.Mode, Uid = _options.Uid, Gid = _options.Gid };
            return Errno.None;
        }
    }

    /// <inheritdoc/>
    public override void Release()
    {
        Volatile.Write(ref _isReleased, true);
        FreeTree(_root);
        KernelHeap.Uncharge(Interlocked.Exchange(ref _heapBytes, 0));
    }

    internal ulong NextInodeNumber() => (ulong)Interlocked.Increment(ref _nextInode);

    /// <summary>One more inode, which takes so much of the Sentry's heap; false when there may be none.</summary>
    internal bool TryAddInode(long heapBytes)
    {
        if (!TryChargeHeap(heapBytes))
        {
            return false;
        }

        using (_lock.Enter())
        {
            if (_options.MaxInodes == 0 || _inodes < _options.MaxInodes)
            {
                _inodes++;
                return true;
            }
        }

        UnchargeHeap(heapBytes);
        return false;
    }

    /// <summary>Charges what the instance keeps on the Sentry's heap; false when that has no room.</summary>
    internal bool TryChargeHeap(long bytes)
    {
        bool fits = KernelHeap.TryCharge(bytes);
        Interlocked.Add(ref _heapBytes, fits ? bytes : 0);
        return fits;
    }

    /// <summary>As <see cref="TryChargeHeap"/> for what must be kept.</summary>
    internal void ChargeHeap(long bytes)
    {
        KernelHeap.Charge(bytes);
        Interlocked.Add(ref _heapBytes, bytes);
    }

    /// <summary>Gives back; the whole instance gives the rest back when it goes.</summary>
    internal void UnchargeHeap(long bytes)
    {
        if (!Volatile.Read(ref _isReleased))
        {
            Interlocked.Add(ref _heapBytes, -bytes);
            KernelHeap.Uncharge(bytes);
        }
    }

    internal void DropInode(long heapBytes)
    {
        UnchargeHeap(heapBytes);
        using (_lock.Enter())
        {
            _inodes--;
        }
    }

    /// <inheritdoc/>
    public bool TryCharge(ulong pages)
    {
        using (_lock.Enter())
        {
            if (_options.MaxPages != 0 && (pages > _options.MaxPages || _pages > _options.MaxPages - pages))
            {
                return false;
            }

            _pages += pages;
            return true;
        }
    }

    /// <inheritdoc/>
    public void Uncharge(ulong pages)
    {
        using (_lock.Enter())
        {
            _pages -= pages;
        }
    }

    internal bool TryChargeXattr(long bytes)
    {
        if (bytes > 0 && !TryChargeHeap(bytes))
        {
            return false;
        }

        using (_lock.Enter())
        {
            if (bytes <= 0 || _xattrBytes + bytes <= XattrLimitBytes)
            {
                _xattrBytes += bytes;
                UnchargeHeap(Math.Max(0, -bytes));
                return true;
            }
        }

        UnchargeHeap(bytes);
        return false;
    }

    /// <summary>Frees all, children before parents; trees are as deep as a guest likes: no recursion.</summary>
    private static void FreeTree(TmpfsInode top)
    {
        List<TmpfsInode> all = [top];
        for (int next = 0; next < all.Count; next++)
        {
            if (all[next] is TmpfsDirectory directory)
            {
                all.AddRange(directory.Children);
            }
        }

        for (int index = all.Count - 1; index >= 0; index--)
        {
            all[index].FreeWithInstance();
        }
    }
}

/// <summary>The type "tmpfs".</summary>
public sealed class TmpfsType : FileSystemType
{
    /// <inheritdoc/>
    public override string Name => "tmpfs";

    /// <inheritdoc/>
    public override UserNamespace MountOwner(Task task) => task.Credentials.UserNamespace;

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = null;
        TmpfsOptions options = TmpfsOptions.Default(task);
        Errno errno = TmpfsOptions.Parse(task, data, ref options);
        if (errno != Errno.None)
        {
            return errno;
        }

        superBlock = new TmpfsSuperBlock(this, task, task.Kernel.Vfs.AllocateDevice(), in options)
        {
            Source = source,
            UserNamespace = task.Credentials.UserNamespace,
        };
        return Errno.None;
    }
}
