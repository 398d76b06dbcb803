using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Ipc.PosixQueues;

/// <summary>
/// The mqueue file system: a namespace's queues by name, the same instance at every mount (mq_overview(7)).
/// </summary>
public sealed class PosixQueueFileSystem : FileSystemType
{
    /// <inheritdoc/>
    public override string Name => "mqueue";

    /// <inheritdoc/>
    public override UserNamespace MountOwner(Task task) => task.Namespaces.Ipc.Owner;

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = PosixQueues.Of(task).GetSuperBlock(task, this);
        return Errno.None;
    }
}

/// <summary>POSIX queues of one IPC namespace.</summary>
internal sealed class PosixQueues
{
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private PosixQueueSuperBlock? _superBlock;

    /// <summary>Limits and accounts.</summary>
    public PosixQueueLimits Limits { get; } = new();

    /// <summary>Those of a task's namespace.</summary>
    public static PosixQueues Of(Task task) => task.Namespaces.Ipc.Parts.Get<PosixQueues>();

    /// <summary>The one instance; made when first needed.</summary>
    public PosixQueueSuperBlock GetSuperBlock(Task task, PosixQueueFileSystem? type = null)
    {
        ulong device = task.Kernel.Vfs.AllocateDevice();
        using (_lock.Enter())
        {
            return _superBlock ??= new PosixQueueSuperBlock(type ?? new PosixQueueFileSystem(), device, this)
            {
                UserNamespace = task.Namespaces.Ipc.Owner,
            };
        }
    }
}

/// <summary>The instance of one namespace.</summary>
internal sealed class PosixQueueSuperBlock : SuperBlock
{
    private const long MqueueMagic = 0x19800202;

    private long _lastInode = 1;

    public PosixQueueSuperBlock(FileSystemType type, ulong device, PosixQueues queues)
        : base(type, device)
    {
        Queues = queues;
        Directory = new PosixQueueDirectory(this);
        Source = "mqueue";
    }

    /// <summary>Limits and accounts of the namespace.</summary>
    public PosixQueues Queues { get; }

    /// <summary>The names.</summary>
    public PosixQueueDirectory Directory { get; }

    /// <inheritdoc/>
    public override Inode Root => Directory;

    /// <inheritdoc/>
    public override DentryPolicy DentryPolicy => DentryPolicy.NeverCache;

    public ulong NextInode() => (ulong)System.Threading.Interlocked.Increment(ref _lastInode);

    /// <inheritdoc/>
    public override Errno GetStatistics(Task task, out FileSystemStatistics statistics)
    {
        statistics = new FileSystemStatistics { Magic = MqueueMagic, BlockSizeBytes = 4096, NameLengthMax = 255 };
        return Errno.None;
    }
}

/// <summary>The directory of all queues: mode 1777.</summary>
internal sealed class PosixQueueDirectory(PosixQueueSuperBlock superBlock) : Inode(superBlock)
{
    private const uint DefaultMode = 0x3FF;

    private readonly PosixQueueSuperBlock _owner = superBlock;
    private readonly long _startNs = VirtualFileSystem.NowNs;
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly SortedDictionary<string, PosixQueueInode> _queues = new(System.StringComparer.Ordinal);

    /// <inheritdoc/>
    public override uint FileType => StatMode.S_IFDIR;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        attributes = new InodeAttributes
        {
            Mode = StatMode.S_IFDIR | DefaultMode,
            LinkCount = 2,
            Inode = 1,
            Device = SuperBlock.Device,
            BlockSizeBytes = 4096,
            AccessTimeNs = _startNs,
            ModifyTimeNs = _startNs,
            ChangeTimeNs = _startNs,
        };
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = Find(name);
        return child is null ? Errno.ENOENT : Errno.None;
    }

    /// <summary>The queue of a name, or null.</summary>
    public PosixQueueInode? Find(string name)
    {
        using (_lock.Enter())
        {
            return _queues.GetValueOrDefault(name);
        }
    }

    /// <inheritdoc/>
    public override Errno Create(in CreateContext context, string name, out Inode? child)
    {
        MqAttr attributes = _owner.Queues.Limits.DefaultAttributes;
        Errno error = Create(context, name, attributes, out PosixQueueInode? made);
        child = made;
        return error;
    }

    /// <summary>Makes a queue: EINVAL, ENOSPC, EMFILE, EEXIST.</summary>
    public Errno Create(in CreateContext context, string name, in MqAttr attributes, out PosixQueueInode? made)
    {
        made = null;
        PosixQueueLimits limits = _owner.Queues.Limits;
        Errno error = limits.Check(context.Task, attributes.mq_maxmsg, attributes.mq_msgsize);
        if (error != Errno.None)
        {
            return error;
        }

        long cost = PosixQueueLimits.CostOf(attributes.mq_maxmsg, attributes.mq_msgsize);
        error = limits.Charge(context.Task, context.Uid, cost);
        if (error != Errno.None)
        {
            return error;
        }

        PosixQueueInode queue = new(_owner, context, attributes, name, cost);
        using (_lock.Enter())
        {
            if (_queues.TryAdd(name, queue))
            {
                made = queue;
                return Errno.None;
            }
        }

        limits.Uncharge(context.Uid, cost);
        return Errno.EEXIST;
    }

    /// <inheritdoc/>
    public override Errno Unlink(Task task, string name, Inode child)
    {
        using (_lock.Enter())
        {
            if (_queues.GetValueOrDefault(name) != child)
            {
                return Errno.ENOENT;
            }

            _queues.Remove(name);
        }

        ((PosixQueueInode)child).DropName();
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new PosixQueueDirectoryDescription(this, flags);
        return Errno.None;
    }

    internal DirectoryListing List()
    {
        List<ListedName> names = new();
        using (_lock.Enter())
        {
            foreach ((string name, PosixQueueInode queue) in _queues)
            {
                names.Add(new ListedName(name, queue.Number, Dirent.DT_REG));
            }
        }

        return new DirectoryListing(names.ToArray());
    }

    /// <summary>The directory opened for reading.</summary>
    private sealed class PosixQueueDirectoryDescription : ListedDirectoryDescription
    {
        private readonly PosixQueueDirectory _directory;

        public PosixQueueDirectoryDescription(PosixQueueDirectory directory, int flags)
        {
            _directory = directory;
            Flags = flags;
        }

        public override Inode Inode => _directory;

        protected override (ulong Self, ulong Parent) InodeNumbers => (1, 1);

        protected override Errno GetListing(Task task, out DirectoryListing? listing)
        {
            listing = _directory.List();
            return Errno.None;
        }
    }
}
