using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Sync;
using Sentry.Syscalls;
using Sentry.Vfs;

namespace Sentry.Kernel;

/// <summary>
/// Who decides the calls that a filter answers with SECCOMP_RET_USER_NOTIF (seccomp_unotify(2)): calls wait here for
/// the supervisor that holds the descriptor.
/// </summary>
public sealed class SeccompListener
{
    private readonly WaitMode _waitMode;
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock: calls without an answer, in the order they came.
    private readonly List<SeccompNotification> _calls = [];
    private ulong _lastId;
    private bool _isClosed;
    private int _users;

    internal SeccompListener(WaitMode waitMode) => _waitMode = waitMode;

    /// <summary>What ends the wait for an answer.</summary>
    internal enum WaitMode
    {
        /// <summary>Any signal.</summary>
        Interruptible,

        /// <summary>Once the supervisor has taken the call, only SIGKILL
        /// (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).</summary>
        KillableOnceReceived,
    }

    /// <summary>Supervisors that wait or poll.</summary>
    public WaitQueue Queue { get; } = new();

    /// <summary>Poll events: a call to take, a call to answer, nobody left that could make one.</summary>
    public uint Events
    {
        get
        {
            uint events = Volatile.Read(ref _users) == 0 ? Epoll.EPOLLHUP : 0;
            using (_lock.Enter())
            {
                foreach (SeccompNotification call in _calls)
                {
                    events |= call.Stage switch
                    {
                        NotificationStage.New => Epoll.EPOLLIN | Epoll.EPOLLRDNORM,
                        NotificationStage.Received => Epoll.EPOLLOUT | Epoll.EPOLLWRNORM,
                        _ => 0,
                    };
                }
            }

            return events;
        }
    }

    /// <summary>One more task is held to the filter.</summary>
    internal void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One fewer; the last tells the supervisor.</summary>
    internal void DropUser()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            Queue.Notify(Epoll.EPOLLHUP);
        }
    }

    /// <summary>
    /// A call waits for its answer. True when it shall run; else <paramref name="result"/> is what it gives:
    /// ERESTARTSYS when a signal came first, ENOSYS when there is no supervisor any more.
    /// </summary>
    internal bool Ask(Task task, in SeccompData data, out SyscallResult result)
    {
        result = Errno.ENOSYS;
        SeccompNotification call = new(task, data);
        using (_lock.Enter())
        {
            if (_isClosed)
            {
                return false;
            }

            call.Id = ++_lastId;
            _calls.Add(call);
        }

        Queue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
        Errno errno = Await(call);
        List<SeccompAddition> dropped;
        using (_lock.Enter())
        {
            _calls.Remove(call);
            dropped = [.. call.Additions];
            call.Additions.Clear();
        }

        foreach (SeccompAddition addition in dropped)
        {
            Finish(addition, Errno.ESRCH, -1);
        }

        if (errno != Errno.None)
        {
            result = errno;
            return false;
        }

        bool runs = (call.Flags & Seccomp.SECCOMP_USER_NOTIF_FLAG_CONTINUE) != 0;
        result = new SyscallResult(call.Error != 0 ? call.Error : call.Value);
        return runs;
    }

    /// <summary>Takes the oldest call that nobody has taken; false when there is none.</summary>
    public bool TryReceive(Task reader, out SeccompNotif notification)
    {
        notification = default;
        SeccompNotification? call;
        using (_lock.Enter())
        {
            call = _calls.Find(static candidate => candidate.Stage == NotificationStage.New);
            if (call is null)
            {
                return false;
            }

            call.Stage = NotificationStage.Received;
        }

        notification.id = call.Id;
        notification.pid = (uint)call.Task.Identity.NumberIn(reader.PidNamespace);
        notification.data = call.Data;
        Queue.Notify(Epoll.EPOLLOUT | Epoll.EPOLLWRNORM);
        return true;
    }

    /// <summary>True when nobody is held to the filter any more: no call will come.</summary>
    public bool IsAbandoned => Volatile.Read(ref _users) == 0;

    /// <summary>The supervisor could not be told of the call after all: somebody else may take it.</summary>
    public void GiveBack(ulong id)
    {
        using (_lock.Enter())
        {
            if (Find(id) is { Stage: NotificationStage.Received } call)
            {
                call.Stage = NotificationStage.New;
            }
        }

        Queue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
    }

    /// <summary>Whether the call still waits for its answer.</summary>
    public bool IsReceived(ulong id)
    {
        using (_lock.Enter())
        {
            return Find(id) is { Stage: NotificationStage.Received };
        }
    }

    /// <summary>Answers a call. ENOENT, EINPROGRESS.</summary>
    public Errno Answer(in SeccompNotifResp answer)
    {
        SeccompNotification? call;
        using (_lock.Enter())
        {
            call = Find(answer.id);
            if (call is not { Stage: NotificationStage.Received })
            {
                return call is null ? Errno.ENOENT : Errno.EINPROGRESS;
            }

            call.Stage = NotificationStage.Answered;
            call.Value = answer.val;
            call.Error = answer.error;
            call.Flags = answer.flags;
        }

        call.Task.Wake();
        return Errno.None;
    }

    /// <summary>
    /// Puts a file into the table of the caller of a call, and waits until that is done; the reference passes to the
    /// addition. ENOENT, EINPROGRESS, EBUSY, ESRCH, EMFILE, EBADF, ERESTARTSYS.
    /// </summary>
    public Errno Add(Task supervisor, ulong id, SeccompAddition addition, out int descriptor)
    {
        descriptor = -1;
        Errno errno = Post(id, addition, out SeccompNotification? call);
        if (errno != Errno.None)
        {
            addition.File.DropReference(supervisor);
            return errno;
        }

        call!.Task.Wake();
        while (!addition.IsDone && errno == Errno.None)
        {
            errno = supervisor.Block();
        }

        if (errno != Errno.None && TryWithdraw(call, addition))
        {
            addition.File.DropReference(supervisor);
            return errno;
        }

        // Not withdrawn: the other thread is at it.
        while (!addition.IsDone)
        {
            supervisor.BlockUninterruptible();
        }

        descriptor = addition.Descriptor;
        return addition.Result;
    }

    /// <summary>The last descriptor is closed: calls without an answer do not exist.</summary>
    public void Close()
    {
        List<Task> callers = [];
        using (_lock.Enter())
        {
            _isClosed = true;
            foreach (SeccompNotification call in _calls)
            {
                if (call.Stage != NotificationStage.Answered)
                {
                    call.Stage = NotificationStage.Answered;
                    call.Error = -(int)Errno.ENOSYS;
                    callers.Add(call.Task);
                }
            }
        }

        foreach (Task caller in callers)
        {
            caller.Wake();
        }
    }

    private Errno Post(ulong id, SeccompAddition addition, out SeccompNotification? call)
    {
        using (_lock.Enter())
        {
            call = Find(id);
            bool isBusy = addition.Answers && call is { Additions.Count: > 0 };
            if (call is not { Stage: NotificationStage.Received } || isBusy)
            {
                return call is null ? Errno.ENOENT : isBusy ? Errno.EBUSY : Errno.EINPROGRESS;
            }

            call.Stage = addition.Answers ? NotificationStage.Answered : call.Stage;
            call.Additions.Add(addition);
            return Errno.None;
        }
    }

    private Errno Await(SeccompNotification call)
    {
        Errno errno = Errno.None;
        while (true)
        {
            while (TakeAddition(call) is { } addition)
            {
                Install(call, addition);
            }

            bool isReceived;
            using (_lock.Enter())
            {
                if (call.Stage == NotificationStage.Answered)
                {
                    return Errno.None;
                }

                isReceived = call.Stage == NotificationStage.Received;
            }

            bool isKillable = isReceived && _waitMode == WaitMode.KillableOnceReceived;
            if (errno != Errno.None && (!isKillable || call.Task.IsKilled))
            {
                return errno;
            }

            errno = isKillable ? call.Task.BlockKillable() : call.Task.Block();
        }
    }

    private SeccompAddition? TakeAddition(SeccompNotification call)
    {
        using (_lock.Enter())
        {
            if (call.Additions.Count == 0)
            {
                return null;
            }

            SeccompAddition addition = call.Additions[0];
            call.Additions.RemoveAt(0);
            return addition;
        }
    }

    private void Install(SeccompNotification call, SeccompAddition addition)
    {
        int descriptor = addition.Place;
        Errno errno = descriptor >= 0
            ? call.Task.FdTable.InstallAt(call.Task, descriptor, addition.File, addition.CloseOnExec)
            : call.Task.FdTable.Install(call.Task, addition.File, addition.CloseOnExec, out descriptor);
        if (addition.Answers)
        {
            using (_lock.Enter())
            {
                call.Stage = errno == Errno.None ? NotificationStage.Answered : NotificationStage.Received;
                call.Value = descriptor;
            }
        }

        Finish(addition, errno, descriptor);
    }

    private static void Finish(SeccompAddition addition, Errno errno, int descriptor)
    {
        if (errno != Errno.None)
        {
            addition.File.DropReference(null);
        }

        addition.Finish(errno, descriptor);
    }

    private bool TryWithdraw(SeccompNotification call, SeccompAddition addition)
    {
        using (_lock.Enter())
        {
            if (!call.Additions.Remove(addition))
            {
                return false;
            }

            call.Stage = addition.Answers ? NotificationStage.Received : call.Stage;
            return true;
        }
    }

    private SeccompNotification? Find(ulong id) => _calls.Find(call => call.Id == id);
}
