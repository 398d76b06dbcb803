using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Dev;

/// <summary>/dev/zero and /dev/full: zeros without end; mappings of /dev/zero are anonymous memory.</summary>
internal sealed class ZeroDescription : DeviceDescription
{
    private readonly DeviceWrites _writes;
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
        mappable = _writes == DeviceWrites.Swallow ? ZeroMappable.Instance : null;
        return mappable is null ? Errno.ENODEV : Errno.None;
    }
}
