using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Fs.Host;

/// <summary>
/// A terminal of the host that the sandbox uses directly. Settings and window size are the host's; what concerns
/// processes (groups, sessions) means nothing there and is kept here. Every other command is refused, so that a
/// guest cannot type into the terminal of its caller (TIOCSTI) or steal it.
/// </summary>
public sealed class HostTerminal
{
    private readonly int _fd;

    /// <summary>Guards <see cref="_foregroundGroup"/>.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private int _foregroundGroup;

    internal HostTerminal(int fd) => _fd = fd;

    /// <summary>
    /// Guest process group in the foreground as the guest's initial PID namespace numbers it, 0 before anyone said
    /// so. Signals of the host's keys go there.
    /// </summary>
    public int ForegroundGroup
    {
        get
        {
            using (_lock.Enter())
            {
                return _foregroundGroup;
            }
        }

        set
        {
            using (_lock.Enter())
            {
                _foregroundGroup = value;
            }
        }
    }

    internal Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        GuestAddress address = new(argument);
        switch (command)
        {
            case Ioctls.TCGETS:
                return Get<Termios>(task, command, address);
            case Ioctls.TCSETS or Ioctls.TCSETSW or Ioctls.TCSETSF:
                return Set<Termios>(task, command, address);
            case Ioctls.TCGETS2:
                return Get<Termios2>(task, command, address);
            case Ioctls.TCSETS2 or Ioctls.TCSETSW2 or Ioctls.TCSETSF2:
                return Set<Termios2>(task, command, address);
            case Ioctls.TIOCGWINSZ:
                return Get<Winsize>(task, command, address);
            case Ioctls.TIOCSWINSZ:
                return Set<Winsize>(task, command, address);
            case Ioctls.TIOCOUTQ:
                return Get<int>(task, command, address);
            case Ioctls.TCFLSH or Ioctls.TCXONC or Ioctls.TCSBRK or Ioctls.TCSBRKP:
                return HostIoctl.Ioctl(_fd, command, (nint)(int)argument, out _);
            case Ioctls.TIOCSPGRP:
                return SetGroup(task, address);
            case Ioctls.TIOCGPGRP:
                return task.Mm.Write(address, ForegroundGroup == 0 ? OwnGroup(task) : ForegroundGroup);
            default:
                return Errno.ENOTTY;
        }
    }

    private Errno Get<T>(Task task, uint command, GuestAddress address)
        where T : unmanaged
    {
        T value = default;
        Errno error = HostIoctl.Ioctl(_fd, command, ref value);
        return error == Errno.None ? task.Mm.Write(address, value) : error;
    }

    private Errno Set<T>(Task task, uint command, GuestAddress address)
        where T : unmanaged
    {
        Errno error = task.Mm.Read(address, out T value);
        return error == Errno.None ? HostIoctl.Ioctl(_fd, command, ref value) : error;
    }

    /// <summary>
    /// Until somebody sets a group, everybody is in the foreground: a shell that finds itself in the background stops.
    /// </summary>
    private static int OwnGroup(Task task) => task.ThreadGroup.ProcessGroup.Identity.NumberIn(task.PidNamespace);

    private Errno SetGroup(Task task, GuestAddress address)
    {
        Errno error = task.Mm.Read(address, out int group);
        if (error != Errno.None)
        {
            return error;
        }

        if (group <= 0)
        {
            return Errno.EINVAL;
        }

        ForegroundGroup = group;
        return Errno.None;
    }
}
