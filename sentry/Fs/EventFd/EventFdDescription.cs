using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.EventFd;

/// <summary>What a read takes from the counter.</summary>
public enum EventFdMode
{
    /// <summary>All of it.</summary>
    Counter,

    /// <summary>One (EFD_SEMAPHORE).</summary>
    Semaphore,
}

/// <summary>A 64-bit counter that can be waited for (eventfd(2), fs/eventfd.c).</summary>
public sealed class EventFdDescription : FileDescription
{
    private const ulong MaxCount = ulong.MaxValue - 1;

    private readonly AnonymousInode _inode;
    private readonly EventFdMode _mode;
    private readonly WaitQueue _queue = new();

    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private ulong _count;

    /// <summary>A counter that starts at <paramref name="initial"/>.</summary>
    public EventFdDescription(GuestKernel kernel, uint initial, EventFdMode mode, int statusFlags)
    {
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x180, 0, 0);
        _count = initial;
        _mode = mode;
        Flags = Fcntl.O_RDWR | statusFlags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "anon_inode:[eventfd]";

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _queue;

    /// <summary>Value now, for /proc/pid/fdinfo.</summary>
    public ulong Count
    {
        get
        {
            using (_lock.Enter())
            {
                return _count;
            }
        }
    }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        if (destination.Remaining < sizeof(ulong))
        {
            return Errno.EINVAL;
        }

        ulong taken;
        using (_lock.Enter())
        {
            if (_count == 0)
            {
                return Errno.EAGAIN;
            }

            taken = _mode == EventFdMode.Semaphore ? 1 : _count;
            _count -= taken;
        }

        _queue.Notify(Epoll.EPOLLOUT | Epoll.EPOLLWRNORM);
        System.Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, taken);
        Errno error = destination.CopyOut(bytes, out int copied);
        done = error == Errno.None ? copied : 0;
        return error;
    }

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done)
    {
        done = 0;
        if (source.Remaining < sizeof(ulong))
        {
            return Errno.EINVAL;
        }

        System.Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        IoSequence retry = source;
        Errno error = source.CopyIn(bytes, out _);
        if (error != Errno.None)
        {
            return error;
        }

        error = Add(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        if (error != Errno.None)
        {
            source = retry;
            return error;
        }

        done = sizeof(ulong);
        return Errno.None;
    }

    /// <summary>Adds to the counter: EINVAL for 2^64-1, EAGAIN when it would pass the maximum.</summary>
    public Errno Add(ulong value)
    {
        if (value == ulong.MaxValue)
        {
            return Errno.EINVAL;
        }

        using (_lock.Enter())
        {
            if (MaxCount - _count < value)
            {
                return Errno.EAGAIN;
            }

            _count += value;
        }

        _queue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
        return Errno.None;
    }

    /// <summary>Does nothing, successfully (Linux's noop_llseek).</summary>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override void AppendInformation(Task reader, System.Text.StringBuilder text)
    {
        const int CountColumns = 16;
        text.Append("eventfd-count: ").Append(Count.ToString("x").PadLeft(CountColumns));
        text.Append("\neventfd-semaphore: ").Append(_mode == EventFdMode.Semaphore ? 1 : 0).Append('\n');
    }

    /// <inheritdoc/>
    public override uint Poll(Task task)
    {
        ulong count = Count;
        uint events = count > 0 ? Epoll.EPOLLIN | Epoll.EPOLLRDNORM : 0;
        events |= count < MaxCount ? Epoll.EPOLLOUT | Epoll.EPOLLWRNORM : 0;
        return events;
    }
}
