using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>
/// The one place that decides how file I/O waits: operations answer EAGAIN, and here a task without O_NONBLOCK sleeps
/// on the description's queue and
/// tries again. A signal ends the sleep with ERESTARTSYS; what was moved before hides any error; a timeout of the file
/// (SO_RCVTIMEO) gives EAGAIN, and with one set
/// a signal gives EINTR, because the call must not start over (signal(7)).
/// </summary>
public static class BlockingIo
{
    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM | Epoll.EPOLLRDHUP;
    private const uint WriteEvents = Epoll.EPOLLOUT | Epoll.EPOLLWRNORM;

    /// <summary>Streaming read.</summary>
    public static Errno Read(Task task, FileDescription file, ref IoSequence destination, out long done)
    {
        Errno errno = file.Read(task, ref destination, out done);
        if (errno != Errno.EAGAIN || done > 0 || !MayWait(file))
        {
            return errno;
        }

        Wait wait = new(task, file, ReadEvents, file.ReadTimeoutNs);
        while (true)
        {
            errno = file.Read(task, ref destination, out done);
            if (errno != Errno.EAGAIN || done > 0)
            {
                break;
            }

            errno = wait.Sleep();
            if (errno != Errno.None)
            {
                break;
            }
        }

        wait.End();
        return errno;
    }

    /// <summary>Streaming write; waits until everything is written, as pipes and sockets do.</summary>
    public static Errno Write(Task task, FileDescription file, ref IoSequence source, out long done)
    {
        Errno errno = file.Write(task, ref source, out done);
        if (errno != Errno.EAGAIN || !MayWait(file))
        {
            return errno;
        }

        Wait wait = new(task, file, WriteEvents, file.WriteTimeoutNs);
        while (true)
        {
            errno = file.WriteOn(task, ref source, done, out long more);
            done += more;
            if (errno != Errno.EAGAIN)
            {
                break;
            }

            errno = wait.Sleep();
            if (errno != Errno.None)
            {
                break;
            }
        }

        wait.End();
        return errno;
    }

    /// <summary>
    /// Waits once until one of the events holds; for calls that move bytes in their own way (splice, sendfile).
    /// </summary>
    public static Errno WaitFor(Task task, FileDescription file, uint events)
    {
        if (!MayWait(file))
        {
            return Errno.EAGAIN;
        }

        Wait wait = new(task, file, events, long.MaxValue);
        Errno errno = Errno.None;
        while (errno == Errno.None && (file.Poll(task) & (events | Epoll.EPOLLERR | Epoll.EPOLLHUP)) == 0)
        {
            errno = wait.Sleep();
        }

        wait.End();
        return errno;
    }

    private static bool MayWait(FileDescription file) => !file.IsNonBlocking && file.WaitQueue is not null;

    /// <summary>One wait: the task's waiter stands on the queue from construction to <see cref="End"/>.</summary>
    private readonly ref struct Wait
    {
        private readonly Task _task;
        private readonly WaitQueue _queue;
        private readonly long _deadlineNs;

        internal Wait(Task task, FileDescription file, uint events, long timeoutNs)
        {
            _task = task;
            _queue = file.WaitQueue!;
            _deadlineNs = timeoutNs == long.MaxValue ? long.MaxValue : task.Kernel.MonotonicNowNs + timeoutNs;
            task.Waiter.Events = events;
            _queue.Add(task.Waiter);
        }

        internal Errno Sleep()
        {
            Errno errno = _task.Block(_deadlineNs);
            if (errno == Errno.ETIMEDOUT)
            {
                return Errno.EAGAIN;
            }

            return errno == Errno.ERESTARTSYS && _deadlineNs != long.MaxValue ? Errno.EINTR : errno;
        }

        internal void End()
        {
            _queue.Remove(_task.Waiter);
            _task.Waiter.Events = uint.MaxValue;
        }
    }
}
