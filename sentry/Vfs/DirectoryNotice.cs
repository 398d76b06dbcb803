using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// What one descriptor table asked to hear, by signals, of one open directory (fcntl(2) F_NOTIFY). Ends with its first
/// event unless DN_MULTISHOT; stays linked to the description until the table cancels it or closes a descriptor.
/// </summary>
internal sealed class DirectoryNotice : IFileWatch
{
    private readonly GuestKernel _kernel;
    private readonly FileDescription _file;
    private readonly Inode _directory;
    private int _fd;
    private uint _events;
    private int _isDetached;

    /// <summary>A notice whose reference on <paramref name="directory"/> the caller took.</summary>
    internal DirectoryNotice(GuestKernel kernel, FileDescription file, FdTable owner, Inode directory)
    {
        _kernel = kernel;
        _file = file;
        _directory = directory;
        Owner = owner;
    }

    /// <summary>The table whose descriptor carries it.</summary>
    internal FdTable Owner { get; }

    /// <summary>The next notice of the same description, of another table.</summary>
    internal DirectoryNotice? Next { get; set; }

    /// <summary>True after its one event.</summary>
    internal bool HasEnded => Volatile.Read(ref _isDetached) != 0;

    /// <inheritdoc/>
    public uint Mask => Translate(Volatile.Read(ref _events));

    /// <inheritdoc/>
    public bool IgnoresUnlinked => false;

    /// <summary>Adds DN_* bits; the newest descriptor is the one that si_fd tells.</summary>
    internal void Widen(int fd, uint events)
    {
        Volatile.Write(ref _fd, fd);
        Interlocked.Or(ref _events, events);
    }

    /// <inheritdoc/>
    public void OnEvent(uint mask, uint cookie, string? name)
    {
        bool isWanted = (mask & Mask) != 0;
        bool isLast = isWanted && (Volatile.Read(ref _events) & Fcntl.DN_MULTISHOT) == 0;
        if (!isWanted || (isLast ? Interlocked.Exchange(ref _isDetached, 1) != 0 : HasEnded))
        {
            return;
        }

        if (_file.SignalReceiver is { } receiver)
        {
            const uint Band = Epoll.EPOLLIN | Epoll.EPOLLRDNORM | Epoll.EPOLLMSG;
            _kernel.Vfs.IoSignals.Post(new IoSignal(receiver, _file.SignalNumber, Volatile.Read(ref _fd), Band));
        }

        if (isLast)
        {
            _directory.RemoveWatch(this);
        }
    }

    /// <summary>Leaves the directory; once.</summary>
    internal void Detach()
    {
        if (Interlocked.Exchange(ref _isDetached, 1) == 0)
        {
            _directory.RemoveWatch(this);
        }
    }

    /// <summary>DN_* bits as the events of <see cref="FileEvents"/>: a move in is a creation, a move out a
    /// deletion.</summary>
    private static uint Translate(uint events)
    {
        uint mask = (events & Fcntl.DN_ACCESS) != 0 ? Inotify.IN_ACCESS : 0;
        mask |= (events & Fcntl.DN_MODIFY) != 0 ? Inotify.IN_MODIFY : 0;
        mask |= (events & Fcntl.DN_ATTRIB) != 0 ? Inotify.IN_ATTRIB : 0;
        mask |= (events & Fcntl.DN_CREATE) != 0 ? Inotify.IN_CREATE | Inotify.IN_MOVED_TO : 0;
        mask |= (events & Fcntl.DN_DELETE) != 0 ? Inotify.IN_DELETE | Inotify.IN_MOVED_FROM : 0;
        return mask | ((events & Fcntl.DN_RENAME) != 0 ? FileEvents.RenamedInside : 0);
    }
}
