using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Vfs;

// epoll_wait(2).
public sealed partial class EpollDescription
{
    /// <summary>
    /// Waits for at least one event, a signal (EINTR: epoll_wait is never restarted) or the deadline (None, 0
    /// events); a deadline of 0 does not wait.
    /// </summary>
    public Errno Wait(Task task, GuestAddress events, int maxEvents, long deadlineNs, out int count)
    {
        Errno error = Collect(task, events, maxEvents, out count);
        if (count > 0 || error != Errno.None || deadlineNs == 0)
        {
            return error;
        }

        TaskWaiter waiter = task.Waiter;
        waiter.Events = uint.MaxValue;
        waiter.IsExclusive = true;
        _queue.Add(waiter);
        while (true)
        {
            error = Collect(task, events, maxEvents, out count);
            if (count > 0 || error != Errno.None)
            {
                break;
            }

            error = task.Block(deadlineNs);
            if (error != Errno.None)
            {
                break;
            }
        }

        _queue.Remove(waiter);
        waiter.IsExclusive = false;
        if (error is Errno.None or Errno.EFAULT)
        {
            return error;
        }

        // The wake-up may have been for us alone: somebody else has to see the event.
        PassOn();
        return error == Errno.ETIMEDOUT ? Errno.None : Errno.EINTR;
    }
}
