using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Dev;

/// <summary>/dev/zero and /dev/full: zeros without end; each mapping of /dev/zero is memory of its own.</summary>
internal sealed class ZeroDescription : DeviceDescription
{
    private readonly DeviceWrites _writes;
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock: owned until the description goes, which a mapping keeps alive.
    private readonly List<SharedMemoryObject> _mapped = [];

    internal ZeroDescription(Inode inode, VfsPath path, DeviceWrites writes)
        : base(inode, path) => _writes = writes;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done) =>
        destination.ZeroOut(destination.Remaining, out done);

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        if (_writes == DeviceWrites.Swallow)
        {
            return base.PWrite(task, ref source, offset, out done, out newOffset);
        }

        newOffset = offset;
        done = 0;
        return Errno.ENOSPC;
    }

    /// <inheritdoc/>
    public override Errno GetMappable(Task task, out IMappable? mappable)
    {
        mappable = null;
        if (_writes == DeviceWrites.NoSpace)
        {
            return Errno.ENODEV;
        }

        const ulong WholePages = SharedMemoryObject.MaximumSize & ~(GuestAddress.PageSize - 1);
        SharedMemoryObject memory = new(task.Kernel.MemoryFile, WholePages, SharedMemoryUse.Anonymous);
        using (_lock.Enter())
        {
            _mapped.Add(memory);
        }

        mappable = memory;
        return Errno.None;
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        foreach (SharedMemoryObject memory in _mapped)
        {
            memory.DropOwner();
        }
    }
}
