using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Dev;

/// <summary>An open memory device: its position never moves, and what is written disappears.</summary>
internal abstract class DeviceDescription : FileDescription
{
    protected DeviceDescription(Inode inode, VfsPath path)
    {
        Inode = inode;
        Path = path;
    }

    /// <inheritdoc/>
    public override Inode Inode { get; }

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    protected override bool KeepsAccessTime => false;

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done) =>
        PRead(task, ref destination, 0, out done);

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done) =>
        PWrite(task, ref source, 0, out done, out _);

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        newOffset = offset;
        done = source.Remaining;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.None;
    }
}

/// <summary>/dev/null.</summary>
internal sealed class NullDescription(Inode inode, VfsPath path) : DeviceDescription(inode, path)
{
    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        return Errno.None;
    }
}
