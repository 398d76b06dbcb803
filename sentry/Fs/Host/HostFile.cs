using Abi.Linux;
using HostOs;
using Platform;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Fs.Host;

/// <summary>How a host descriptor is kept from blocking a thread of the Sentry.</summary>
internal enum HostBlocking
{
    /// <summary>Reads and writes never wait (regular files, directories, /dev/null).</summary>
    Never,

    /// <summary>The open file is ours alone and has O_NONBLOCK.</summary>
    NonBlocking,

    /// <summary>
    /// The open file is shared with processes that expect it to block: its state is asked for before each transfer.
    /// </summary>
    PollFirst,
}

/// <summary>
/// One imported open file of the host. O_NONBLOCK is a property of the open file, which is shared with whoever else
/// has it (the shell that started us): it is never set there. Pipes and terminals are opened again through /proc
/// instead, which gives an open file of our own.
/// </summary>
internal sealed class HostFile
{
    /// <summary>Standard streams of the Sentry itself stay where they are.</summary>
    private const int FirstFreeFd = 3;

    private readonly HostFd _fd;
    private readonly HostNotifier _notifier;
    private readonly ulong _watchToken;
    private readonly int _flags;

    private HostFile(HostFd fd, int flags, in Stat stat, HostBlocking blocking, HostNotifier notifier)
    {
        _fd = fd;
        _flags = flags;
        _notifier = notifier;
        InodeNumber = stat.st_ino;
        Blocking = blocking;
        FileType = stat.st_mode & StatMode.S_IFMT;
        IsTerminal = FileType == StatMode.S_IFCHR && IsTerminalFd(fd.Value);
        if (blocking != HostBlocking.Never && notifier.Watch(fd.Value, Queue, out _watchToken) == Errno.None)
        {
            WaitQueue = Queue;
        }
    }

    /// <summary>S_IFMT bits.</summary>
    internal uint FileType { get; }

    /// <summary>Inode number of the host.</summary>
    internal ulong InodeNumber { get; }

    /// <summary>Memory of a regular file that may be read; null for others.</summary>
    internal HostFileMapper? Mapper { get; private init; }

    /// <summary>The host puts every write at the end, whatever position it is given (pwrite(2), BUGS).</summary>
    internal bool IsAppending => (_flags & Fcntl.O_APPEND) != 0;

    /// <summary>True for terminals.</summary>
    internal bool IsTerminal { get; }

    /// <summary>How blocking is avoided.</summary>
    internal HostBlocking Blocking { get; }

    /// <summary>The descriptor.</summary>
    internal int Fd => _fd.Value;

    /// <summary>Notified when readiness may have changed; null for files that are always ready.</summary>
    internal WaitQueue? WaitQueue { get; }

    private WaitQueue Queue { get; } = new();

    /// <summary>
    /// Imports a descriptor, which is owned from now on (and closed on failure). /proc must still be in sight.
    /// </summary>
    internal static Errno Import(int hostFd, HostNotifier notifier, out HostFile? file)
    {
        file = null;
        Errno error = HostStat.Fstat(hostFd, out Stat stat);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostFcntl.Fcntl(hostFd, HostFcntl.GetFl, 0, out int flags);
        if (error != Errno.None)
        {
            return error;
        }

        HostBlocking blocking = BlockingOf(hostFd, stat.st_mode & StatMode.S_IFMT);
        if (blocking == HostBlocking.PollFirst && TryOpenOwn(hostFd, out int own))
        {
            blocking = HostBlocking.NonBlocking;
        }
        else
        {
            error = HostFcntl.Duplicate(hostFd, out own, FirstFreeFd);
            if (error != Errno.None)
            {
                return error;
            }
        }

        error = MakeMapper(hostFd, flags, stat, out HostFileMapper? mapper);
        if (error != Errno.None)
        {
            HostUnistd.Close(own);
            return error;
        }

        file = new HostFile(new HostFd(own), flags, stat, blocking, notifier) { Mapper = mapper };
        return Errno.None;
    }

    /// <summary>May it be opened again for this? A descriptor gives no right that it does not have itself.</summary>
    internal bool Allows(int access)
    {
        int own = _flags & Fcntl.O_ACCMODE;
        return own == Fcntl.O_RDWR || own == (access & Fcntl.O_ACCMODE);
    }

    /// <summary>POLL* events that hold now.</summary>
    internal short Poll(short wanted)
    {
        System.Span<HostPollFd> one = [new HostPollFd { Fd = Fd, Events = wanted }];
        Errno error;
        do
        {
            error = HostPoll.Poll(one, 0, out _);
        }
        while (error == Errno.EINTR);

        return error == Errno.None ? one[0].Revents : HostPoll.Error;
    }

    /// <summary>Closes it.</summary>
    internal void Close()
    {
        if (WaitQueue is not null)
        {
            _notifier.Unwatch(Fd, _watchToken);
        }

        Mapper?.DropOwner();
        _fd.Dispose();
    }

    private static Errno MakeMapper(int hostFd, int flags, in Stat stat, out HostFileMapper? mapper)
    {
        mapper = null;
        int access = flags & Fcntl.O_ACCMODE;
        if ((stat.st_mode & StatMode.S_IFMT) != StatMode.S_IFREG || access == Fcntl.O_WRONLY)
        {
            return Errno.None;
        }

        Errno error = HostFcntl.Duplicate(hostFd, out int own, FirstFreeFd);
        if (error == Errno.None)
        {
            MemoryAccess memory = MemoryAccess.Read
                | (access == Fcntl.O_RDWR ? MemoryAccess.Write : MemoryAccess.None);
            mapper = new HostFileMapper(new HostFd(own), memory, HostContents.Changing);
        }

        return error;
    }

    private static HostBlocking BlockingOf(int fd, uint fileType) => fileType switch
    {
        StatMode.S_IFREG or StatMode.S_IFDIR or StatMode.S_IFBLK => HostBlocking.Never,
        StatMode.S_IFCHR when !IsTerminalFd(fd) && !CanWait(fd) => HostBlocking.Never,
        _ => HasNonBlock(fd) ? HostBlocking.NonBlocking : HostBlocking.PollFirst,
    };

    /// <summary>A driver without poll, such as /dev/null, cannot be waited for: epoll refuses it.</summary>
    private static bool CanWait(int fd)
    {
        if (HostPoll.EpollCreate(HostFcntl.CloseOnExec, out int epoll) != Errno.None)
        {
            return true;
        }

        Errno error = HostPoll.EpollControl(epoll, HostPoll.EpollCtlAdd, fd, Epoll.EPOLLIN, 0);
        HostUnistd.Close(epoll);
        return error != Errno.EPERM;
    }

    private static bool IsTerminalFd(int fd)
    {
        Termios termios = default;
        return HostIoctl.Ioctl(fd, Ioctls.TCGETS, ref termios) == Errno.None;
    }

    /// <summary>Somebody set O_NONBLOCK already: the open file was made for us, or its users live with it.</summary>
    private static bool HasNonBlock(int fd) =>
        HostFcntl.Fcntl(fd, HostFcntl.GetFl, 0, out int flags) == Errno.None && (flags & HostFcntl.NonBlock) != 0;

    /// <summary>Opens a pipe or terminal again with O_NONBLOCK, as an open file nobody else has.</summary>
    internal static bool TryOpenOwn(int fd, out int own)
    {
        own = -1;
        if (HostStat.Fstat(fd, out Stat stat) != Errno.None
            || HostFcntl.Fcntl(fd, HostFcntl.GetFl, 0, out int flags) != Errno.None)
        {
            return false;
        }

        uint fileType = stat.st_mode & StatMode.S_IFMT;
        if (fileType != StatMode.S_IFIFO && !(fileType == StatMode.S_IFCHR && IsTerminalFd(fd)))
        {
            return false;
        }

        string path = "/proc/self/fd/" + fd.ToString(System.Globalization.CultureInfo.InvariantCulture);
        int wanted = (flags & Fcntl.O_ACCMODE) | HostFcntl.NonBlock | HostFcntl.NoCtty | HostFcntl.CloseOnExec;
        return HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, wanted, 0, out own) == Errno.None;
    }
}
