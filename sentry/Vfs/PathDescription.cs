using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Vfs;

/// <summary>
/// What O_PATH gives: a place and nothing else. The system calls refuse it with EBADF where it may not be used.
/// </summary>
public sealed class PathDescription : FileDescription
{
    internal PathDescription(VfsPath path, Inode inode, int flags)
    {
        Path = path;
        Inode = inode;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode { get; }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        return Errno.EBADF;
    }

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        done = 0;
        return Errno.EBADF;
    }

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.EBADF;
    }

    /// <inheritdoc/>
    public override Errno Sync(Task task) => Errno.EBADF;
}
