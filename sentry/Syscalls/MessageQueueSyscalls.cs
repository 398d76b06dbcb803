using System;
using Abi.Linux;
using Sentry.Ipc;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using IpcAbi = Abi.Linux.Ipc;

namespace Sentry.Syscalls;

/// <summary>System V message queues: msgget(2), msgop(2), msgctl(2).</summary>
public static class MessageQueueSyscalls
{
    private const long NsPerSecond = 1000000000;
    private const ulong TypeBytes = 8;

    /// <summary>msgget(key_t key, int msgflg).</summary>
    public static SyscallResult Msgget(Task task, in SyscallArguments args)
    {
        int key = args.Int(0);
        int flags = args.Int(1);
        SysVIpc ipc = SysVIpc.Of(task);
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.Queues.Find(task, task.Namespaces.Ipc, key, flags, out MessageQueue? queue);
            if (error == Errno.None && queue is null)
            {
                queue = new MessageQueue(task, key, (uint)flags) { MaxBytes = (ulong)ipc.Limits.QueueBytes };
                ipc.Queues.Add(queue);
            }

            return SyscallResult.From(error, queue?.Id ?? 0);
        }
    }

    /// <summary>msgsnd(int msqid, const void *msgp, size_t msgsz, int msgflg).</summary>
    public static SyscallResult Msgsnd(Task task, in SyscallArguments args)
    {
        ulong size = args[2];
        Errno error = task.Mm.Read(args.Address(1), out long type);
        if (error != Errno.None)
        {
            return error;
        }

        if (size > (ulong)SysVIpc.Of(task).Limits.MessageBytes || args.Int(0) < 0 || type < 1)
        {
            return Errno.EINVAL;
        }

        byte[] text = new byte[size];
        error = args.Address(1).TryAdd(TypeBytes, out GuestAddress start) ? task.Mm.CopyIn(start, text) : Errno.EFAULT;
        if (error != Errno.None)
        {
            return error;
        }

        QueuedMessage message = new(type, text);
        return Repeat(task, args.Int(0), args.Int(3), IpcRights.Write,
            (MessageQueue queue, out WaitQueueEvents events) =>
        {
            events = new WaitQueueEvents(Wait: Epoll.EPOLLOUT, Notify: Epoll.EPOLLIN);
            return queue.Send(task, message);
        });
    }

    /// <summary>msgrcv(int msqid, void *msgp, size_t msgsz, long msgtyp, int msgflg).</summary>
    public static SyscallResult Msgrcv(Task task, in SyscallArguments args)
    {
        ulong size = args[2];
        long type = args.Long(3);
        int flags = args.Int(4);
        const int CopyConflicts = Msg.MSG_EXCEPT;
        bool isCopy = (flags & Msg.MSG_COPY) != 0;
        if (args.Int(0) < 0 || (long)size < 0
            || (isCopy && ((flags & CopyConflicts) != 0 || (flags & IpcAbi.IPC_NOWAIT) == 0)))
        {
            return Errno.EINVAL;
        }

        QueuedMessage? message = null;
        Errno TryReceive(MessageQueue queue, out WaitQueueEvents events)
        {
            events = new WaitQueueEvents(Wait: Epoll.EPOLLIN, Notify: isCopy ? 0 : Epoll.EPOLLOUT);
            Errno error = queue.Receive(task, type, size, flags, out message);
            return error == Errno.ENOMSG && (flags & IpcAbi.IPC_NOWAIT) == 0 ? Errno.EAGAIN : error;
        }

        SyscallResult result = Repeat(task, args.Int(0), flags, IpcRights.Read, TryReceive);
        return result.IsError ? result : Deliver(task, message!, args.Address(1), size);
    }

    /// <summary>msgctl(int msqid, int cmd, struct msqid_ds *buf).</summary>
    public static SyscallResult Msgctl(Task task, in SyscallArguments args)
    {
        int id = args.Int(0);
        int command = args.Int(1) & ~IpcAbi.IPC_64;
        if (id < 0 || command < 0)
        {
            return Errno.EINVAL;
        }

        switch (command)
        {
            case IpcAbi.IPC_INFO or Msg.MSG_INFO:
                return Info(task, command, args.Address(2));
            case IpcAbi.IPC_STAT:
                return Stat(task, id, IpcStat.ById, args.Address(2));
            case Msg.MSG_STAT:
                return Stat(task, id, IpcStat.BySlot, args.Address(2));
            case Msg.MSG_STAT_ANY:
                return Stat(task, id, IpcStat.BySlotForAll, args.Address(2));
            case IpcAbi.IPC_SET:
                return Set(task, id, args.Address(2));
            case IpcAbi.IPC_RMID:
                return Remove(task, id);
            default:
                return Errno.EINVAL;
        }
    }

    private delegate Errno Attempt(MessageQueue queue, out WaitQueueEvents events);

    private readonly record struct WaitQueueEvents(uint Wait, uint Notify);

    /// <summary>
    /// Tries under the namespace's lock until the answer is not EAGAIN; sleeps in between unless IPC_NOWAIT. EIDRM
    /// when the queue goes meanwhile;
    /// a signal gives ERESTARTNOHAND.
    /// </summary>
    private static SyscallResult Repeat(Task task, int id, int flags, uint right, Attempt attempt)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        MessageQueue? waitedFor = null;
        Errno error = Errno.None;
        while (true)
        {
            MessageQueue? queue;
            WaitQueueEvents events = default;
            using (ipc.Lock.Enter())
            {
                Errno found = ipc.Queues.Get(id, out queue);
                bool isGone = waitedFor is not null && (found != Errno.None || queue != waitedFor);
                error = isGone ? Errno.EIDRM : found;
                if (error == Errno.None && !queue!.Allows(task, task.Namespaces.Ipc, right))
                {
                    error = Errno.EACCES;
                }

                error = error == Errno.None ? attempt(queue!, out events) : error;
                if (error == Errno.EAGAIN && waitedFor is null && (flags & IpcAbi.IPC_NOWAIT) == 0)
                {
                    // From here on the waiter hears of changes; what changed before it was added is seen by the next
                    // attempt.
                    waitedFor = queue;
                    task.Waiter.Events = events.Wait;
                    queue!.Waiters.Add(task.Waiter);
                    continue;
                }
            }

            if (error == Errno.None && events.Notify != 0)
            {
                queue!.Waiters.Notify(events.Notify);
            }

            if (error != Errno.EAGAIN || waitedFor is null)
            {
                break;
            }

            error = task.Block();
            if (error != Errno.None)
            {
                error = Errno.ERESTARTNOHAND;
                break;
            }
        }

        waitedFor?.Waiters.Remove(task.Waiter);
        return error;
    }

    private static SyscallResult Deliver(Task task, QueuedMessage message, GuestAddress address, ulong room)
    {
        int length = (int)Math.Min(room, (ulong)message.Text.Length);
        Errno error = task.Mm.Write(address, message.Type);
        if (error == Errno.None)
        {
            error = address.TryAdd(TypeBytes, out GuestAddress start)
                ? task.Mm.CopyOut(start, message.Text.AsSpan(0, length))
                : Errno.EFAULT;
        }

        return SyscallResult.From(error, length);
    }

    private static SyscallResult Info(Task task, int command, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        Msginfo info = new()
        {
            msgpool = Msg.MSGPOOL,
            msgmap = Msg.MSGMAP,
            msgmax = ipc.Limits.MessageBytes,
            msgmnb = ipc.Limits.QueueBytes,
            msgmni = ipc.Queues.Limit,
            msgssz = Msg.MSGSSZ,
            msgtql = Msg.MSGTQL,
            msgseg = Msg.MSGSEG,
        };
        int highest;
        using (ipc.Lock.Enter())
        {
            highest = ipc.Queues.HighestSlot;
            if (command == Msg.MSG_INFO)
            {
                info.msgpool = ipc.Queues.Count;
                info.msgmap = 0;
                info.msgtql = 0;
                foreach (MessageQueue queue in ipc.Queues.All)
                {
                    info.msgmap += queue.Count;
                    info.msgtql += (int)queue.Bytes;
                }
            }
        }

        return SyscallResult.From(task.Mm.Write(address, info), highest);
    }

    private static SyscallResult Stat(Task task, int number, IpcStat way, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        Msqid64Ds state;
        int result;
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.ObtainForStat(task, ipc.Queues, number, way, out MessageQueue? queue, out result);
            if (error != Errno.None)
            {
                return error;
            }

            state = Describe(task, queue!);
        }

        return SyscallResult.From(task.Mm.Write(address, state), result);
    }

    private static Msqid64Ds Describe(Task task, MessageQueue queue) => new()
    {
        msg_perm = queue.Describe(task),
        msg_stime = queue.SendTimeNs / NsPerSecond,
        msg_rtime = queue.ReceiveTimeNs / NsPerSecond,
        msg_ctime = queue.ChangeTimeNs / NsPerSecond,
        msg_cbytes = queue.Bytes,
        msg_qnum = (ulong)queue.Count,
        msg_qbytes = queue.MaxBytes,
        msg_lspid = queue.LastSender?.NumberIn(task.PidNamespace) ?? 0,
        msg_lrpid = queue.LastReceiver?.NumberIn(task.PidNamespace) ?? 0,
    };

    private static SyscallResult Set(Task task, int id, GuestAddress address)
    {
        Errno error = task.Mm.Read(address, out Msqid64Ds wanted);
        if (error != Errno.None)
        {
            return error;
        }

        SysVIpc ipc = SysVIpc.Of(task);
        MessageQueue? queue;
        using (ipc.Lock.Enter())
        {
            error = ipc.ObtainForControl(task, ipc.Queues, id, out queue);
            if (error != Errno.None)
            {
                return error;
            }

            if (wanted.msg_qbytes > (ulong)ipc.Limits.QueueBytes
                && !task.Credentials.HasCapability(Capability.CAP_SYS_RESOURCE, task.Namespaces.Ipc.Owner))
            {
                return Errno.EPERM;
            }

            error = queue!.Update(task, wanted.msg_perm);
            if (error == Errno.None)
            {
                queue.MaxBytes = wanted.msg_qbytes;
            }
        }

        queue.Waiters.Notify(Epoll.EPOLLIN | Epoll.EPOLLOUT);
        return error;
    }

    private static SyscallResult Remove(Task task, int id)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        MessageQueue? queue;
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.ObtainForControl(task, ipc.Queues, id, out queue);
            if (error != Errno.None)
            {
                return error;
            }

            ipc.Queues.Remove(queue!);
            queue!.Discard();
        }

        queue!.Waiters.Notify(Epoll.EPOLLIN | Epoll.EPOLLOUT);
        return SyscallResult.Ok;
    }
}
