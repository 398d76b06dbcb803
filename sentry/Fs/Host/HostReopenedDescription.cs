using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Host;

/// <summary>
/// A regular file of the host that the sandbox opened again (/dev/stdin, /proc/self/fd/N): position and flags are its
/// own, as open(2) says, over the descriptor that there is.
/// </summary>
internal sealed class HostReopenedDescription : FileDescription
{
    private readonly HostInode _inode;

    internal HostReopenedDescription(HostInode inode, int flags)
    {
        _inode = inode;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => _inode.LinkName;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    private int Fd => _inode.File.Fd;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done) =>
        destination.ReadFromHost(Fd, offset, destination.Remaining, out done);

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset) =>
        _inode.WriteAt(ref source, offset, Flags, out done, out newOffset);

    /// <inheritdoc/>
    public override Errno GetMappable(Task task, out IMappable? mappable) => _inode.GetMappable(out mappable);

    /// <inheritdoc/>
    public override Errno Allocate(Task task, int mode, long offset, long lengthBytes) =>
        _inode.Allocate(mode, offset, lengthBytes);

    /// <inheritdoc/>
    public override Errno Sync(Task task) => HostUnistd.Fsync(Fd);
}
