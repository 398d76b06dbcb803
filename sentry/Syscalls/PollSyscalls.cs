using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>poll(2) and ppoll(2).</summary>
public static partial class PollSyscalls
{
    private const int PollfdBytes = 8;
    private const int ChunkCount = 32;

    // Offset of revents in struct pollfd.
    private const int ReadyOffset = 6;

    /// <summary>
    /// poll(struct pollfd *fds, nfds_t nfds, int timeout): goes on with what is left of the timeout when no handler
    /// ran.
    /// </summary>
    public static SyscallResult Poll(Task task, in SyscallArguments args)
    {
        long deadlineNs = Deadlines.FromMilliseconds(task, args.Int(2));
        SyscallResult result = Wait(task, args.Address(0), args.UInt(1), deadlineNs);
        if (result.Errno != Errno.ERESTARTSYS)
        {
            return result;
        }

        return PollRestart.Arm(task, args[0], args.UInt(1), deadlineNs);
    }

    /// <summary>
    /// ppoll(struct pollfd *fds, nfds_t nfds, struct timespec *timeout, const sigset_t *sigmask, size_t sigsetsize).
    /// </summary>
    public static SyscallResult Ppoll(Task task, in SyscallArguments args)
    {
        Errno error = Deadlines.FromTimespec(task, args.Address(2), out long deadlineNs);
        if (error == Errno.None)
        {
            error = SignalMasks.SetTemporary(task, args.Address(3), args[4]);
        }

        if (error != Errno.None)
        {
            return error;
        }

        SyscallResult result = Wait(task, args.Address(0), args.UInt(1), deadlineNs);
        return Finish(task, result, args.Address(2), deadlineNs, TimeoutForm.Timespec);
    }

    /// <summary>poll(2) itself; ERESTARTSYS when a signal came.</summary>
    internal static SyscallResult Wait(Task task, GuestAddress descriptors, uint count, long deadlineNs)
    {
        if (count > task.ThreadGroup.Limits.Soft(Resource.RLIMIT_NOFILE))
        {
            return Errno.EINVAL;
        }

        if (!descriptors.TryAdd((ulong)count * PollfdBytes, out _))
        {
            return Errno.EFAULT;
        }

        PollTable table = PollTable.Current;
        Errno error = Load(task, descriptors, (int)count, table, out int invalid);
        int ready = 0;
        if (error == Errno.None)
        {
            error = table.Wait(task, deadlineNs, invalid, out ready);
        }

        if (error == Errno.None)
        {
            error = Store(task, descriptors, (int)count, table);
        }

        table.Clear();
        return SyscallResult.From(error, ready);
    }

    /// <summary>
    /// The common end of ppoll and pselect: time left, signal mask, restart (fs/select.c, poll_select_finish).
    /// </summary>
    private static SyscallResult Finish(
        Task task, SyscallResult result, GuestAddress timeout, long deadlineNs, TimeoutForm form)
    {
        bool isInterrupted = result.Errno == Errno.ERESTARTSYS;
        if (!isInterrupted)
        {
            task.RestoreMask();
        }

        SyscallResult outcome = isInterrupted ? Errno.ERESTARTNOHAND : result;
        if (timeout.IsNull || deadlineNs == 0)
        {
            return outcome;
        }

        // A call that cannot say how much time is left cannot be restarted.
        bool keepsTimeout = (task.Personality & Personality.STICKY_TIMEOUTS) != 0;
        bool isTold = !keepsTimeout
            && WriteTimeLeft(task, timeout, Deadlines.Remaining(task, deadlineNs), form) == Errno.None;
        return isInterrupted && !isTold ? Errno.EINTR : outcome;
    }

    private static Errno WriteTimeLeft(Task task, GuestAddress timeout, long leftNs, TimeoutForm form)
    {
        long seconds = leftNs / 1000000000;
        long nanoseconds = leftNs % 1000000000;
        return form == TimeoutForm.Timespec
            ? task.Mm.Write(timeout, new Timespec { tv_sec = seconds, tv_nsec = nanoseconds })
            : task.Mm.Write(timeout, new Timeval { tv_sec = seconds, tv_usec = nanoseconds / 1000 });
    }

    private static Errno Load(Task task, GuestAddress descriptors, int count, PollTable table, out int invalid)
    {
        invalid = 0;
        Span<Pollfd> chunk = stackalloc Pollfd[ChunkCount];
        for (int at = 0; at < count; at += ChunkCount)
        {
            Span<Pollfd> part = chunk[..Math.Min(ChunkCount, count - at)];
            Errno error = task.Mm.ReadArray(new GuestAddress(descriptors.Value + ((ulong)at * PollfdBytes)), part);
            if (error != Errno.None)
            {
                return error;
            }

            foreach (ref readonly Pollfd wanted in part)
            {
                AddOne(task, wanted, table, ref invalid);
            }
        }

        return Errno.None;
    }

    private static void AddOne(Task task, in Pollfd wanted, PollTable table, ref int invalid)
    {
        if (wanted.fd < 0)
        {
            table.Add(null, 0);
            return;
        }

        if (Descriptors.TryGet(task, wanted.fd, out FileDescription? file))
        {
            table.Add(file, (ushort)wanted.events);
            return;
        }

        table.AddInvalid();
        invalid++;
    }

    private static Errno Store(Task task, GuestAddress descriptors, int count, PollTable table)
    {
        for (int i = 0; i < count; i++)
        {
            GuestAddress address = new(descriptors.Value + ((ulong)i * PollfdBytes) + ReadyOffset);
            Errno error = task.Mm.Write(address, (ushort)table.Ready(i));
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    private enum TimeoutForm
    {
        Timespec,
        Timeval,
    }
}
