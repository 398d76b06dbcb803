using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>
/// Turns the timeouts of system calls into absolute monotonic deadlines: 0 for "do not wait", long.MaxValue for "for
/// ever".
/// </summary>
internal static class Deadlines
{
    private const long NsPerSecond = 1000000000;
    private const long NsPerMillisecond = 1000000;

    /// <summary>A timeout in milliseconds; negative: for ever.</summary>
    public static long FromMilliseconds(Task task, int timeoutMs) =>
        timeoutMs < 0 ? long.MaxValue : After(task, timeoutMs * NsPerMillisecond);

    /// <summary>The deadline <paramref name="timeoutNs"/> from now; long.MaxValue stays, 0 is 0.</summary>
    public static long After(Task task, long timeoutNs)
    {
        if (timeoutNs is 0 or long.MaxValue)
        {
            return timeoutNs;
        }

        long now = task.Kernel.MonotonicNowNs;
        return timeoutNs > long.MaxValue - now - 1 ? long.MaxValue - 1 : now + timeoutNs;
    }

    /// <summary>An optional struct timespec. EFAULT, EINVAL.</summary>
    public static Errno FromTimespec(Task task, GuestAddress address, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (address.IsNull)
        {
            return Errno.None;
        }

        Errno error = task.Mm.Read(address, out Timespec time);
        return error != Errno.None ? error : FromParts(task, time.tv_sec, time.tv_nsec, out deadlineNs);
    }

    /// <summary>An optional struct timeval, whose microseconds may exceed a second (select(2)).</summary>
    public static Errno FromTimeval(Task task, GuestAddress address, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (address.IsNull)
        {
            return Errno.None;
        }

        Errno error = task.Mm.Read(address, out Timeval time);
        if (error != Errno.None)
        {
            return error;
        }

        long seconds = unchecked(time.tv_sec + (time.tv_usec / 1000000));
        return FromParts(task, seconds, time.tv_usec % 1000000 * 1000, out deadlineNs);
    }

    /// <summary>Time left until a deadline, not below 0.</summary>
    public static long Remaining(Task task, long deadlineNs)
    {
        long left = deadlineNs - task.Kernel.MonotonicNowNs;
        return left < 0 || deadlineNs == 0 ? 0 : left;
    }

    private static Errno FromParts(Task task, long seconds, long nanoseconds, out long deadlineNs)
    {
        deadlineNs = 0;
        if (seconds < 0 || nanoseconds is < 0 or >= NsPerSecond)
        {
            return Errno.EINVAL;
        }

        deadlineNs = seconds >= long.MaxValue / NsPerSecond
            ? long.MaxValue - 1
            : After(task, (seconds * NsPerSecond) + nanoseconds);
        return Errno.None;
    }
}
