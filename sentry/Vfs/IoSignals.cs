using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>
/// Who gets the signals of a file, as F_SETOWN fixed it: an identity, so that a number used again means nobody.
/// </summary>
public sealed record SignalReceiver(Pid Identity, int Kind, uint Uid, uint EffectiveUid)
{
    /// <summary>May a file of this setter signal the process (sigio_perm)?</summary>
    internal bool MaySignal(Credentials target) => EffectiveUid == 0 || EffectiveUid == target.SavedUid
        || EffectiveUid == target.RealUid || Uid == target.SavedUid || Uid == target.RealUid;
}

/// <summary>One signal to send: to whom, which (0: SIGIO), of which descriptor, because of which events.</summary>
internal readonly record struct IoSignal(SignalReceiver Receiver, int Number, int Fd, uint Events);

/// <summary>
/// Sends the signals of O_ASYNC and F_NOTIFY. Events arrive under wait-queue locks, where signal locks may not be
/// taken, so the task that caused them sends them before it goes back to its program, or a thread of its own if that
/// comes first; the thread starts with the first signal.
/// </summary>
internal sealed class IoSignals
{
    private const int StackBytes = 256 * 1024;

    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly AutoResetEvent _posted = new(false);

    /// <summary>Held from taking a signal off the queue until it is sent: they arrive in order.</summary>
    private readonly OrderedLock<IoSignalLevel> _sendLock = new();

    // Guarded by _lock.
    private readonly Queue<IoSignal> _queue = new();
    private Thread? _thread;

    /// <summary>Queues a signal. Any thread, under any lock.</summary>
    internal void Post(IoSignal signal)
    {
        Thread? made = null;
        using (_lock.Enter())
        {
            _queue.Enqueue(signal);
            if (_thread is null)
            {
                made = new Thread(Run, StackBytes) { IsBackground = true, Name = "sigio" };
                _thread = made;
            }
        }

        Task.OfThisThread?.NotePostedSignals();
        made?.Start();
        _posted.Set();
    }

    /// <summary>Sends what was posted before the call. Caller: no lock.</summary>
    internal void Flush()
    {
        while (SendNext())
        {
        }
    }

    private void Run()
    {
        while (true)
        {
            Flush();
            _posted.WaitOne();
        }
    }

    private bool SendNext()
    {
        using (_sendLock.Enter())
        {
            IoSignal next;
            using (_lock.Enter())
            {
                if (!_queue.TryDequeue(out next))
                {
                    return false;
                }
            }

            Send(in next);
            return true;
        }
    }

    private static void Send(in IoSignal signal)
    {
        SigInfo info = Describe(in signal);
        switch (signal.Receiver.Kind)
        {
            case Fcntl.F_OWNER_PGRP:
                SendToGroup(in signal, in info);
                break;
            case Fcntl.F_OWNER_TID:
                if (signal.Receiver.Identity.Task is { } task && signal.Receiver.MaySignal(task.Credentials))
                {
                    _ = task.SendSignal(in info);
                }

                break;
            default:
                if (signal.Receiver.Identity.ThreadGroup is { } process
                    && signal.Receiver.MaySignal(process.Leader.Credentials))
                {
                    _ = process.SendSignal(in info);
                }

                break;
        }
    }

    private static void SendToGroup(in IoSignal signal, in SigInfo info)
    {
        if (signal.Receiver.Identity.ProcessGroup is not { } group)
        {
            return;
        }

        List<Task> tasks = [];
        group.CollectTasks(signal.Receiver.Identity.Namespace.Kernel, tasks);
        foreach (Task task in tasks)
        {
            if (task == task.ThreadGroup.Leader && signal.Receiver.MaySignal(task.Credentials))
            {
                _ = task.ThreadGroup.SendSignal(in info);
            }
        }
    }

    /// <summary>
    /// With F_SETSIG the siginfo says descriptor and band; plain SIGIO says nothing (send_sigio_to_task).
    /// </summary>
    private static SigInfo Describe(in IoSignal signal)
    {
        if (signal.Number == 0)
        {
            return SigInfos.FromKernel(Signals.SIGIO);
        }

        int reason = (signal.Events & Epoll.EPOLLMSG) != 0 ? SigCode.POLL_MSG
            : (signal.Events & Epoll.EPOLLIN) != 0 ? SigCode.POLL_IN
            : (signal.Events & Epoll.EPOLLOUT) != 0 ? SigCode.POLL_OUT
            : (signal.Events & Epoll.EPOLLHUP) != 0 ? SigCode.POLL_HUP : SigCode.POLL_ERR;
        return new SigInfo
        {
            si_signo = signal.Number,
            si_code = reason,
            si_band = signal.Events,
            si_fd = signal.Fd,
        };
    }
}
