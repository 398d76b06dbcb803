using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.SignalFd;

/// <summary>
/// Signals that are read (signalfd(2), fs/signalfd.c). A read takes the pending signals of the task that reads,
/// whoever made the descriptor; so
/// waiters are told of signals of every process that has looked at it.
/// </summary>
public sealed class SignalFdDescription : FileDescription
{
    private readonly AnonymousInode _inode;
    private readonly WaitQueue _queue = new();
    private ulong _mask;

    private readonly OrderedLock<PipeLevel> _lock = new();

    // Guarded by _lock: one relay for each process that has polled or read.
    private readonly List<Relay> _relays = new();

    /// <summary>A descriptor for the signals in <paramref name="mask"/>; SIGKILL and SIGSTOP in it do not
    /// count.</summary>
    public SignalFdDescription(GuestKernel kernel, ulong mask, int statusFlags)
    {
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x180, 0, 0);
        _mask = mask & ~SignalSets.Unblockable;
        Flags = Fcntl.O_RDWR | statusFlags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "anon_inode:[signalfd]";

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _queue;

    /// <summary>Signals it reads; replacing the set wakes whoever waits.</summary>
    public ulong Mask
    {
        get => Volatile.Read(ref _mask);
        set
        {
            Volatile.Write(ref _mask, value & ~SignalSets.Unblockable);
            _queue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
        }
    }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        const int size = 128;
        if (destination.Remaining < size)
        {
            return Errno.EINVAL;
        }

        Follow(task.ThreadGroup);
        Span<byte> bytes = stackalloc byte[size];
        while (destination.Remaining >= size)
        {
            if (task.TakeSignal(Mask, out SigInfo info) == 0)
            {
                return done == 0 ? Errno.EAGAIN : Errno.None;
            }

            SignalFdRecord.Write(info, bytes);
            Errno error = destination.CopyOut(bytes, out int copied);
            if (error != Errno.None)
            {
                return done == 0 ? error : Errno.None;
            }

            done += copied;
        }

        return Errno.None;
    }

    /// <summary>Does nothing, successfully (Linux's noop_llseek).</summary>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override uint Poll(Task task)
    {
        Follow(task.ThreadGroup);
        return (task.AllPending & Mask) != 0 ? Epoll.EPOLLIN | Epoll.EPOLLRDNORM : 0;
    }

    /// <inheritdoc/>
    public override void AppendInformation(Task reader, StringBuilder text) =>
        text.Append("sigmask:\t").Append(Mask.ToString("x16")).Append('\n');

    /// <inheritdoc/>
    protected override void Release()
    {
        using (_lock.Enter())
        {
            foreach (Relay relay in _relays)
            {
                relay.Group.SignalArrival.Remove(relay);
            }

            _relays.Clear();
        }
    }

    /// <summary>From now on, signals of the process reach the waiters; what is pending already is the caller's to
    /// check.</summary>
    private void Follow(ThreadGroup group)
    {
        using (_lock.Enter())
        {
            for (int i = _relays.Count - 1; i >= 0; i--)
            {
                if (_relays[i].Group == group)
                {
                    return;
                }

                if (_relays[i].Group.LiveTasks == 0)
                {
                    _relays[i].Group.SignalArrival.Remove(_relays[i]);
                    _relays.RemoveAt(i);
                }
            }

            Relay relay = new(group, _queue);
            _relays.Add(relay);
            group.SignalArrival.Add(relay);
        }
    }

    /// <summary>Passes the arrival of a signal in one process on to the descriptor's waiters.</summary>
    private sealed class Relay(ThreadGroup group, WaitQueue queue) : WaitEntry
    {
        internal ThreadGroup Group { get; } = group;

        public override bool OnNotify(uint events)
        {
            queue.NotifyNested(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
            return false;
        }
    }
}
