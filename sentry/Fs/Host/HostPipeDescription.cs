using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Host;

/// <summary>An end of a pipe of the host. Its size is the host's to change.</summary>
internal sealed class HostPipeDescription(HostInode inode, int flags, HostInodeHold hold)
    : HostFileDescription(inode, flags, hold), IPipeCapacity
{
    /// <inheritdoc/>
    public Errno GetCapacity(out int capacityBytes) =>
        HostFcntl.Fcntl(File.Fd, HostFcntl.GetPipeSize, 0, out capacityBytes);

    /// <inheritdoc/>
    public Errno SetCapacity(Task task, uint requestedBytes, out int capacityBytes)
    {
        capacityBytes = 0;
        return Errno.EPERM;
    }
}
