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
internal class HostFileDescription : FileDescription
{
    /// <summary>POSIX: a pipe that is writable takes this many bytes without waiting.</summary>
    private const long PipeAtomicBytes = 4096;

    private readonly HostInode _inode;
    private readonly HostInodeHold _hold;

    protected HostFileDescription(HostInode inode, int flags, HostInodeHold hold)
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

    /// <summary>The host keeps it.</summary>
    protected internal override long Position
    {
        get => Seek(0, Fcntl.SEEK_CUR, out long result) == Errno.None ? result : 0;
        set => Seek(value, Fcntl.SEEK_SET, out _);
    }

    /// <summary>The open file of the host.</summary>
    protected HostFile File => _inode.File;

    /// <summary>A description of the file; a pipe is one that knows its size.</summary>
    internal static HostFileDescription Make(HostInode inode, int flags, HostInodeHold hold) =>
        inode.FileType == StatMode.S_IFIFO
            ? new HostPipeDescription(inode, flags, hold)
            : new HostFileDescription(inode, flags, hold);

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

        if (IsSeekable && (Flags & Fcntl.O_APPEND) != 0 && !File.IsAppending)
        {
            // F_SETFL of the sandbox: the flags of the host's open file are not ours to change.
            Seek(0, Fcntl.SEEK_END, out _);
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
        if (IsSeekable)
        {
            return _inode.WriteAt(ref source, offset, Flags, out done, out newOffset);
        }

        done = 0;
        newOffset = offset;
        return Errno.ESPIPE;
    }

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result) =>
        Seek(offset, whence, out result);

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
    public override Errno GetMappable(Task task, out IMappable? mappable) => _inode.GetMappable(out mappable);

    /// <inheritdoc/>
    public override Errno Allocate(Task task, int mode, long offset, long lengthBytes) =>
        _inode.Allocate(mode, offset, lengthBytes);

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

    private Errno Seek(long offset, int whence, out long result)
    {
        result = 0;
        return IsSeekable ? HostUnistd.Seek(File.Fd, offset, whence, out result) : Errno.ESPIPE;
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
