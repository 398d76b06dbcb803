using Abi.Linux;
using HostOs;
using Sentry.Vfs;

namespace Sentry.Fs.Host;

/// <summary>
/// Imports descriptors of the host into the sandbox. The composition root makes one and imports what the container
/// starts with.
/// </summary>
public sealed class HostFiles(HostNotifier notifier, ulong device)
{
    /// <summary>f_type of the instance; Linux has none for it, so it is the one of anonymous inodes.</summary>
    private const long Magic = 0x09041934;

    private readonly PseudoSuperBlock _superBlock = new("hostfs", Magic, device);

    /// <summary>
    /// Imports a descriptor, which stays the caller's. <paramref name="terminal"/> is set when it is a terminal.
    /// The description's flags are the host's access mode and append flag.
    /// </summary>
    public Errno Import(int hostFd, out FileDescription? file, out HostTerminal? terminal)
    {
        file = null;
        terminal = null;
        Errno error = HostFcntl.Fcntl(hostFd, HostFcntl.GetFl, 0, out int flags);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostFile.Import(hostFd, notifier, out HostFile? opened);
        if (error != Errno.None)
        {
            return error;
        }

        terminal = opened!.IsTerminal ? new HostTerminal(opened.Fd) : null;
        HostInode inode = new(_superBlock, opened) { Terminal = terminal };
        inode.TryReference();
        file = HostFileDescription.Make(inode, flags & (Fcntl.O_ACCMODE | Fcntl.O_APPEND), HostInodeHold.Owned);
        return Errno.None;
    }

    /// <summary>
    /// Opens a pipe or terminal again, non-blocking, as an open file that nobody else has; needs /proc. False for
    /// other files: they are imported as they are.
    /// </summary>
    public static bool TryOpenOwn(int hostFd, out int own) => HostFile.TryOpenOwn(hostFd, out own);
}
