using Abi.Linux;
using HostOs;

namespace Runsc.Sandbox;

/// <summary>
/// Which standard streams the caller gave. The run time opens files of its own before Main, and they land where a
/// stream is closed; what it opens is close-on-exec, and what a caller hands over cannot be.
/// </summary>
internal static class StandardStreams
{
    internal const int Count = 3;

    private const string Null = "/dev/null";

    /// <summary>Bit n: descriptor n was closed.</summary>
    internal static int Closed { get; private set; }

    /// <summary>Looks, before anything else is opened, and fills the gaps: no file of ours gets their
    /// numbers.</summary>
    internal static void Probe()
    {
        for (int fd = 0; fd < Count; fd++)
        {
            Errno errno = HostFcntl.Fcntl(fd, HostFcntl.GetFd, 0, out int flags);
            if (errno != Errno.None)
            {
                _ = HostFcntl.OpenAt(HostFcntl.AtFdCwd, Null, HostFcntl.ReadWrite, 0, out _);
            }

            if (errno != Errno.None || (flags & HostFcntl.FdCloexec) != 0)
            {
                Closed |= 1 << fd;
            }
        }
    }

    /// <summary>What to hand over in place of a closed stream; null when it is not closed.</summary>
    internal static HostFd? Substitute(int fd) =>
        (Closed >> fd & 1) != 0
            && HostFcntl.OpenAt(HostFcntl.AtFdCwd, Null, HostFcntl.ReadWrite | HostFcntl.CloseOnExec, 0, out int opened)
                == Errno.None
            ? new HostFd(opened)
            : null;
}
