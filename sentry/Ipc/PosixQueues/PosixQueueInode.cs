using System;
using System.Text;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Ipc.PosixQueues;

/// <summary>
/// A queue as a file: owner, mode, and how long it lives. Its account is settled when name and descriptors are gone.
/// </summary>
internal sealed class PosixQueueInode : Inode
{
    private const uint Permissions = 0xFFF;
    private const long FileSizeBytes = 80;

    private readonly PosixQueueSuperBlock _owner;
    private readonly uint _chargedUid;
    private readonly long _cost;
    private readonly OrderedLock<InodeLevel> _lock = new();

    // Guarded by _lock.
    private InodeAttributes _attributes;

    // The name and each open descriptor.
    private int _holders = 1;

    public PosixQueueInode(
        PosixQueueSuperBlock superBlock, in CreateContext context, in MqAttr attributes, string name, long cost)
        : base(superBlock)
    {
        _owner = superBlock;
        _chargedUid = context.Uid;
        _cost = cost;
        Name = name;
        Queue = new PosixQueue(attributes.mq_maxmsg, attributes.mq_msgsize);
        long now = VirtualFileSystem.NowNs;
        _attributes = new InodeAttributes
        {
            Mode = StatMode.S_IFREG | (context.Mode & Permissions),
            Uid = context.Uid,
            Gid = context.Gid,
            LinkCount = 1,
            Inode = superBlock.NextInode(),
            Device = superBlock.Device,
            SizeBytes = FileSizeBytes,
            BlockSizeBytes = 4096,
            AccessTimeNs = now,
            ModifyTimeNs = now,
            ChangeTimeNs = now,
        };
    }

    /// <summary>Messages.</summary>
    public PosixQueue Queue { get; }

    /// <summary>Name it was made with.</summary>
    public string Name { get; }

    /// <summary>Inode number.</summary>
    public ulong Number => _attributes.Inode;

    /// <inheritdoc/>
    public override uint FileType => StatMode.S_IFREG;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        using (_lock.Enter())
        {
            attributes = _attributes;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        using (_lock.Enter())
        {
            if ((change.Mask & AttributeMask.Mode) != 0)
            {
                _attributes.Mode = StatMode.S_IFREG | (change.Mode & Permissions);
            }

            _attributes.Uid = (change.Mask & AttributeMask.Uid) != 0 ? change.Uid : _attributes.Uid;
            _attributes.Gid = (change.Mask & AttributeMask.Gid) != 0 ? change.Gid : _attributes.Gid;
            _attributes.ChangeTimeNs = VirtualFileSystem.NowNs;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new PosixQueueDescription(this, flags);
        return Errno.None;
    }

    internal void AddHolder() => Interlocked.Increment(ref _holders);

    internal void DropHolder()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Queue.Discard();
            _owner.Queues.Limits.Uncharge(_chargedUid, _cost);
        }
    }

    internal void DropName()
    {
        using (_lock.Enter())
        {
            _attributes.LinkCount = 0;
        }

        DropHolder();
    }
}

/// <summary>
/// An open queue: its messages go through system calls of their own; reading gives a line of text about it.
/// </summary>
internal sealed class PosixQueueDescription : FileDescription
{
    private readonly PosixQueueInode _inode;

    public PosixQueueDescription(PosixQueueInode inode, int flags)
    {
        _inode = inode;
        Flags = flags;
        inode.AddHolder();
    }

    /// <summary>Messages.</summary>
    public PosixQueue Queue => _inode.Queue;

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "/" + _inode.Name;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => Queue.Waiters;

    /// <inheritdoc/>
    public override uint Poll(Task task) => Queue.Poll();

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        byte[] text = Encoding.Latin1.GetBytes(Queue.Describe(task.PidNamespace));
        int start = (int)Math.Min(offset, text.Length);
        Errno error = destination.CopyOut(text.AsSpan(start), out int copied);
        done = copied;
        return error;
    }

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        done = 0;
        newOffset = offset;
        return Errno.EINVAL;
    }

    /// <inheritdoc/>
    public override Errno Flush(Task task)
    {
        Queue.Unregister(task.ThreadGroup);
        return Errno.None;
    }

    /// <inheritdoc/>
    protected override void Release() => _inode.DropHolder();
}
