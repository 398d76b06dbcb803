using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Socket;

/// <summary>One socket operation that may have to be tried again when the socket changes.</summary>
internal interface ISocketOperation
{
    /// <summary>Tries once; EAGAIN: wait on <paramref name="queue"/> and try again.</summary>
    Errno Try(Task task, out WaitQueue? queue);
}

/// <summary>The one place where socket calls block (net/core/stream.c, sock_wait_*; signal(7) on timeouts).</summary>
internal static class SocketWait
{
    /// <summary>
    /// Tries until the answer is not EAGAIN. A signal gives ERESTARTSYS, or EINTR when the socket has a timeout; the
    /// end of the timeout gives EAGAIN.
    /// <paramref name="timeoutNs"/>: 0 does not wait, long.MaxValue waits for ever.
    /// </summary>
    public static Errno Run<T>(Task task, uint events, long timeoutNs, ref T operation)
        where T : struct, ISocketOperation, allows ref struct
    {
        Errno error = operation.Try(task, out WaitQueue? queue);
        if (error != Errno.EAGAIN || timeoutNs == 0)
        {
            return error;
        }

        long deadlineNs = timeoutNs == long.MaxValue ? long.MaxValue : task.Kernel.MonotonicNowNs + timeoutNs;
        while (error == Errno.EAGAIN)
        {
            error = WaitOnce(task, events, deadlineNs, queue!, ref operation, out queue);
        }

        return error switch
        {
            Errno.ETIMEDOUT => Errno.EAGAIN,
            Errno.ERESTARTSYS when timeoutNs != long.MaxValue => Errno.EINTR,
            _ => error,
        };
    }

    private static Errno WaitOnce<T>(
        Task task, uint events, long deadlineNs, WaitQueue queue, ref T operation, out WaitQueue? next)
        where T : struct, ISocketOperation, allows ref struct
    {
        TaskWaiter waiter = task.Waiter;
        waiter.Events = events;
        queue.Add(waiter);
        Errno error;
        while (true)
        {
            error = operation.Try(task, out next);
            if (error != Errno.EAGAIN || next != queue)
            {
                break;
            }

            Errno wake = task.Block(deadlineNs);
            if (wake != Errno.None)
            {
                error = wake;
                break;
            }
        }

        queue.Remove(waiter);
        waiter.Events = uint.MaxValue;
        return error;
    }
}
