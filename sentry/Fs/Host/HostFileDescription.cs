using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Host;

/// <summary>
/// An open file that the host passed in (standard input, output, error). Its position is the host's, because
/// processes outside share it: "runsc do ls &gt; file 2&gt;&amp;1" has two descriptors with one position.
/// </summary>
internal sealed class HostFileDescription : FileDescription
{
    /// <summary>POSIX: a pipe that is writable takes this many bytes without waiting.</summary>
    private const long PipeAtomicBytes = 4096;

    private readonly HostInode _inode;
    private readonly HostInodeHold _hold;

    internal HostFileDescription(HostInode inode, int flags, HostInodeHold hold)
    {
        _inode = inode;
        _hold = hold;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => _inode.LinkName;

    /// <inheritdoc/>
    public override bool IsSeekable => _inode.FileType is StatMode.S_IFREG or StatMode.S_IFBLK;

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => File.WaitQueue;

    private HostFile File => _inode.File;

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        const short Ready = HostPoll.In | HostPoll.HangUp | HostPoll.Error;
        if (File.Blocking == HostBlocking.PollFirst && (File.Poll(HostPoll.In) & Ready) == 0)
        {
            return Errno.EAGAIN;
        }

        return destination.ReadFromHost(File.Fd, -1, destination.Remaining, out done);
    }

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        done = 0;
        long limit = source.Remaining;
        if (File.Blocking == HostBlocking.PollFirst)
        {
            if ((File.Poll(HostPoll.Out) & (HostPoll.Out | HostPoll.Error | HostPoll.HangUp)) == 0)
            {
                return Errno.EAGAIN;
            }

            limit = long.Min(limit, PipeAtomicBytes);
        }

        Errno error = source.WriteToHost(File.Fd, -1, limit, out done);
        if (error == Errno.EPIPE)
        {
            task.RaiseSignal(Signals.SIGPIPE);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        return IsSeekable ? destination.ReadFromHost(File.Fd, offset, destination.Remaining, out done) : Errno.ESPIPE;
    }

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        done = 0;
        Errno error = IsSeekable ? source.WriteToHost(File.Fd, offset, source.Remaining, out done) : Errno.ESPIPE;
        newOffset = offset + done;
        return error;
    }

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return IsSeekable ? HostUnistd.Seek(File.Fd, offset, whence, out result) : Errno.ESPIPE;
    }

    /// <inheritdoc/>
    public override uint Poll(Task task)
    {
        const short Wanted = (short)(Epoll.EPOLLIN | Epoll.EPOLLOUT | Epoll.EPOLLPRI | Epoll.EPOLLRDHUP);
        if (File.WaitQueue is null)
        {
            return base.Poll(task);
        }

        uint events = (ushort)File.Poll(Wanted);
        events |= (events & Epoll.EPOLLIN) != 0 ? Epoll.EPOLLRDNORM : 0;
        return events | ((events & Epoll.EPOLLOUT) != 0 ? Epoll.EPOLLWRNORM : 0);
    }

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        if (command == Ioctls.FIONREAD)
        {
            int available = 0;
            Errno error = HostIoctl.Ioctl(File.Fd, command, ref available);
            return error == Errno.None ? task.Mm.Write(new GuestAddress(argument), available) : error;
        }

        return _inode.Terminal is { } terminal ? terminal.Ioctl(task, command, argument, out result) : Errno.ENOTTY;
    }

    /// <inheritdoc/>
    public override Errno Sync(Task task) => IsSeekable ? HostUnistd.Fsync(File.Fd) : Errno.EINVAL;

    /// <inheritdoc/>
    protected override void Release()
    {
        if (_hold == HostInodeHold.Owned)
        {
            _inode.DropReference();
        }
    }
}

/// <summary>Who keeps the inode of a description.</summary>
internal enum HostInodeHold
{
    /// <summary>The VFS, which opened it by name.</summary>
    ByVfs,

    /// <summary>The description: it was imported and has no name.</summary>
    Owned,
}
