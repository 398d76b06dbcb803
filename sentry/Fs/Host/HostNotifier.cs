using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Fs.Host;

/// <summary>
/// Turns readiness of host descriptors into notifications of wait queues: one thread per sandbox, asleep in
/// epoll_wait(2) while nothing happens. Edge-triggered, so that a descriptor nobody reads costs nothing; waiters
/// look at the descriptor itself after they have queued up.
/// </summary>
public sealed class HostNotifier : IDisposable
{
    private const int StackBytes = 256 * 1024;
    private const int BatchEvents = 16;
    private const ulong StopToken = 0;
    private const uint Watched = Epoll.EPOLLIN | Epoll.EPOLLOUT | Epoll.EPOLLRDHUP | Epoll.EPOLLPRI | Epoll.EPOLLET;

    private readonly HostFd _epoll;
    private readonly HostFd _stop;
    private readonly Thread _thread;

    /// <summary>Guards the two fields below.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly Dictionary<ulong, WaitQueue> _queues = new();
    private ulong _lastToken = StopToken;

    private HostNotifier(int epollFd, int stopFd)
    {
        _epoll = new HostFd(epollFd);
        _stop = new HostFd(stopFd);
        _thread = new Thread(Run, StackBytes) { IsBackground = true, Name = "host-notifier" };
    }

    /// <summary>Makes the epoll instance and starts the thread.</summary>
    public static Errno Create(out HostNotifier? notifier)
    {
        notifier = null;
        Errno error = HostPoll.EpollCreate(HostFcntl.CloseOnExec, out int epollFd);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostPoll.EventFd(0, HostFcntl.CloseOnExec, out int stopFd);
        if (error == Errno.None)
        {
            error = HostPoll.EpollControl(epollFd, HostPoll.EpollCtlAdd, stopFd, (uint)HostPoll.In, StopToken);
        }

        if (error != Errno.None)
        {
            HostUnistd.Close(epollFd);
            return error;
        }

        notifier = new HostNotifier(epollFd, stopFd);
        notifier._thread.Start();
        return Errno.None;
    }

    /// <summary>
    /// Begins to report events of a descriptor to a queue. EPERM for files that are always ready. <paramref
    /// name="token"/> ends it.
    /// </summary>
    public Errno Watch(int hostFd, WaitQueue queue, out ulong token)
    {
        using (_lock.Enter())
        {
            token = ++_lastToken;
            _queues.Add(token, queue);
        }

        Errno error = HostPoll.EpollControl(_epoll.Value, HostPoll.EpollCtlAdd, hostFd, Watched, token);
        if (error != Errno.None)
        {
            using (_lock.Enter())
            {
                _queues.Remove(token);
            }
        }

        return error;
    }

    /// <summary>Ends <see cref="Watch"/>; before the descriptor is closed.</summary>
    public void Unwatch(int hostFd, ulong token)
    {
        HostPoll.EpollControl(_epoll.Value, HostPoll.EpollCtlDel, hostFd, 0, 0);
        using (_lock.Enter())
        {
            _queues.Remove(token);
        }
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        HostUnistd.Write(_stop.Value, BitConverter.GetBytes(1ul), out _);
        _thread.Join();
        _stop.Dispose();
        _epoll.Dispose();
    }

    private void Run()
    {
        Span<HostEpollEvent> events = stackalloc HostEpollEvent[BatchEvents];
        while (true)
        {
            Errno error = HostPoll.EpollWait(_epoll.Value, events, -1, out int ready);
            if (error is not (Errno.None or Errno.EINTR))
            {
                return;
            }

            for (int i = 0; i < ready; i++)
            {
                if (events[i].Data == StopToken)
                {
                    return;
                }

                Notify(events[i]);
            }
        }
    }

    private void Notify(in HostEpollEvent happened)
    {
        WaitQueue? queue;
        using (_lock.Enter())
        {
            _queues.TryGetValue(happened.Data, out queue);
        }

        queue?.Notify(happened.Events);
    }
}
