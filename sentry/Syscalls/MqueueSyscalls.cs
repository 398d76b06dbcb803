using System;
using Abi.Linux;
using Sentry.Ipc.PosixQueues;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>POSIX message queues: mq_overview(7).</summary>
public static class MqueueSyscalls
{
    private const int NameMax = 255;
    private const int PathMax = 4096;
    private const int OpenFlags = Fcntl.O_ACCMODE | Fcntl.O_NONBLOCK;

    /// <summary>
    /// mq_open(const char *name, int oflag, mode_t mode, struct mq_attr *attr); the name comes without its slash.
    /// </summary>
    public static SyscallResult MqOpen(Task task, in SyscallArguments args)
    {
        int flags = args.Int(1);
        Errno error = ReadName(task, args.Address(0), out string name);
        MqAttr attributes = default;
        bool hasAttributes = !args.Address(3).IsNull;
        if (error == Errno.None && hasAttributes)
        {
            error = task.Mm.Read(args.Address(3), out attributes);
        }

        if (error != Errno.None)
        {
            return error;
        }

        PosixQueues queues = PosixQueues.Of(task);
        if (!hasAttributes)
        {
            attributes = queues.Limits.DefaultAttributes;
        }

        error = FindOrMake(task, queues, name, flags, args.UInt(2), attributes, out PosixQueueInode? inode);
        return error != Errno.None
            ? error
            : Descriptors.Install(task, new PosixQueueDescription(inode!, flags & OpenFlags), Fcntl.O_CLOEXEC);
    }

    /// <summary>mq_unlink(const char *name).</summary>
    public static SyscallResult MqUnlink(Task task, in SyscallArguments args)
    {
        Errno error = ReadName(task, args.Address(0), out string name);
        if (error != Errno.None)
        {
            return error;
        }

        PosixQueueDirectory directory = PosixQueues.Of(task).GetSuperBlock(task).Directory;
        PosixQueueInode? inode = directory.Find(name);
        if (inode is null)
        {
            return Errno.ENOENT;
        }

        error = inode.GetOwner(out InodeOwner owner);
        if (error == Errno.None && !Permissions.IsOwnerOrCapable(task.Credentials, owner))
        {
            // The directory is sticky: only the owner of a queue, or root, may remove it.
            error = Errno.EACCES;
        }

        return error == Errno.None ? directory.Unlink(task, name, inode) : error;
    }

    /// <summary>
    /// mq_timedsend(mqd_t mqdes, const char *msg, size_t len, unsigned int prio, const struct timespec *abs_timeout).
    /// </summary>
    public static SyscallResult MqTimedsend(Task task, in SyscallArguments args)
    {
        Errno error = ReadDeadline(task, args.Address(4), out long deadlineNs);
        if (error != Errno.None)
        {
            return error;
        }

        if (args.UInt(3) >= Mqueue.MQ_PRIO_MAX)
        {
            return Errno.EINVAL;
        }

        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        if (descriptor.File is not PosixQueueDescription { CanWrite: true } file)
        {
            return Errno.EBADF;
        }

        if (args[2] > (ulong)file.Queue.MessageBytes)
        {
            return Errno.EMSGSIZE;
        }

        byte[] message = new byte[args[2]];
        error = task.Mm.CopyIn(args.Address(1), message);
        uint priority = args.UInt(3);
        error = error == Errno.None ? file.Queue.Send(task, message, priority) : error;
        if (error != Errno.EAGAIN || file.IsNonBlocking)
        {
            return error;
        }

        TaskWaiter waiter = task.Waiter;
        waiter.Events = Epoll.EPOLLOUT;
        file.Queue.Waiters.Add(waiter);
        while ((error = file.Queue.Send(task, message, priority)) == Errno.EAGAIN)
        {
            error = task.Block(deadlineNs);
            if (error != Errno.None)
            {
                break;
            }
        }

        file.Queue.Waiters.Remove(waiter);
        return error;
    }

    /// <summary>
    /// mq_timedreceive(mqd_t mqdes, char *msg, size_t len, unsigned int *prio, const struct timespec *abs_timeout).
    /// </summary>
    public static SyscallResult MqTimedreceive(Task task, in SyscallArguments args)
    {
        Errno error = ReadDeadline(task, args.Address(4), out long deadlineNs);
        if (error != Errno.None)
        {
            return error;
        }

        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        if (descriptor.File is not PosixQueueDescription { CanRead: true } file)
        {
            return Errno.EBADF;
        }

        if (args[2] < (ulong)file.Queue.MessageBytes)
        {
            return Errno.EMSGSIZE;
        }

        error = file.Queue.Receive(out byte[] message, out uint priority);
        if (error == Errno.EAGAIN && !file.IsNonBlocking)
        {
            error = AwaitMessage(task, file.Queue, deadlineNs, out message, out priority);
        }

        if (error == Errno.None && !args.Address(3).IsNull)
        {
            error = task.Mm.Write(args.Address(3), priority);
        }

        error = error == Errno.None ? task.Mm.CopyOut(args.Address(1), message) : error;
        return SyscallResult.From(error, message.Length);
    }

    /// <summary>mq_notify(mqd_t mqdes, const struct sigevent *sevp).</summary>
    public static SyscallResult MqNotify(Task task, in SyscallArguments args)
    {
        SigEvent wanted = default;
        bool isRegistration = !args.Address(1).IsNull;
        Errno error = isRegistration ? task.Mm.Read(args.Address(1), out wanted) : Errno.None;
        if (error != Errno.None)
        {
            return error;
        }

        if (isRegistration && !IsSupported(wanted))
        {
            return Errno.EINVAL;
        }

        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        if (descriptor.File is not PosixQueueDescription file)
        {
            return Errno.EBADF;
        }

        if (isRegistration)
        {
            return file.Queue.Register(task, wanted);
        }

        file.Queue.Unregister(task.ThreadGroup);
        return SyscallResult.Ok;
    }

    /// <summary>
    /// mq_getsetattr(mqd_t mqdes, const struct mq_attr *newattr, struct mq_attr *oldattr): only O_NONBLOCK can
    /// change.
    /// </summary>
    public static SyscallResult MqGetsetattr(Task task, in SyscallArguments args)
    {
        MqAttr wanted = default;
        bool isSet = !args.Address(1).IsNull;
        Errno error = isSet ? task.Mm.Read(args.Address(1), out wanted) : Errno.None;
        if (error == Errno.None && (wanted.mq_flags & ~Fcntl.O_NONBLOCK) != 0)
        {
            error = Errno.EINVAL;
        }

        if (error != Errno.None)
        {
            return error;
        }

        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        if (descriptor.File is not PosixQueueDescription file)
        {
            return Errno.EBADF;
        }

        MqAttr old = new()
        {
            mq_flags = file.Flags & Fcntl.O_NONBLOCK,
            mq_maxmsg = file.Queue.MaxMessages,
            mq_msgsize = file.Queue.MessageBytes,
            mq_curmsgs = file.Queue.Count,
        };
        if (isSet)
        {
            file.Flags = (file.Flags & ~Fcntl.O_NONBLOCK) | (int)wanted.mq_flags;
        }

        return args.Address(2).IsNull ? SyscallResult.Ok : task.Mm.Write(args.Address(2), old);
    }

    private static bool IsSupported(in SigEvent wanted) => wanted.sigev_notify switch
    {
        SigCode.SIGEV_NONE => true,
        SigCode.SIGEV_SIGNAL => wanted.sigev_signo is > 0 and <= 64,
        _ => false,
    };

    private static Errno AwaitMessage(
        Task task, PosixQueue queue, long deadlineNs, out byte[] message, out uint priority)
    {
        TaskWaiter waiter = task.Waiter;
        waiter.Events = Epoll.EPOLLIN;
        queue.Waiters.Add(waiter);
        queue.CountReceiver(1);
        Errno error;
        while ((error = queue.Receive(out message, out priority)) == Errno.EAGAIN)
        {
            error = task.Block(deadlineNs);
            if (error != Errno.None)
            {
                break;
            }
        }

        queue.CountReceiver(-1);
        queue.Waiters.Remove(waiter);
        return error;
    }

    private static Errno FindOrMake(
        Task task,
        PosixQueues queues,
        string name,
        int flags,
        uint mode,
        in MqAttr attributes,
        out PosixQueueInode? inode)
    {
        PosixQueueDirectory directory = queues.GetSuperBlock(task).Directory;
        inode = directory.Find(name);
        if (inode is null && (flags & Fcntl.O_CREAT) == 0)
        {
            return Errno.ENOENT;
        }

        if (inode is null)
        {
            uint permissions = mode & 0x1FF & ~task.FsContext.Umask;
            CreateContext context = new(task, permissions, task.Credentials.FsUid, task.Credentials.FsGid);
            Errno error = directory.Create(context, name, attributes, out inode);
            if (error != Errno.EEXIST)
            {
                return error;
            }

            inode = directory.Find(name);
        }

        const int Exclusive = Fcntl.O_CREAT | Fcntl.O_EXCL;
        if (inode is null || (flags & Exclusive) == Exclusive)
        {
            return Errno.EEXIST;
        }

        MayAccess access = (flags & Fcntl.O_ACCMODE) switch
        {
            Fcntl.O_RDONLY => MayAccess.Read,
            Fcntl.O_WRONLY => MayAccess.Write,
            Fcntl.O_RDWR => MayAccess.Read | MayAccess.Write,
            _ => MayAccess.None,
        };
        return access == MayAccess.None ? Errno.EINVAL : Permissions.Check(task, inode, access);
    }

    private static Errno ReadName(Task task, GuestAddress address, out string name)
    {
        Errno error = task.Mm.ReadString(address, PathMax, out name);
        if (error != Errno.None)
        {
            return error;
        }

        if (name.Length == 0)
        {
            return Errno.ENOENT;
        }

        if (name.Length > NameMax)
        {
            return Errno.ENAMETOOLONG;
        }

        return name is "." or ".." || name.Contains('/') ? Errno.EACCES : Errno.None;
    }

    /// <summary>An optional absolute CLOCK_REALTIME time as a monotonic deadline. EFAULT, EINVAL.</summary>
    private static Errno ReadDeadline(Task task, GuestAddress address, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (address.IsNull)
        {
            return Errno.None;
        }

        Errno error = task.Mm.Read(address, out Timespec time);
        if (error != Errno.None)
        {
            return error;
        }

        if (time.tv_sec < 0 || time.tv_nsec is < 0 or >= 1000000000)
        {
            return Errno.EINVAL;
        }

        bool isFar = time.tv_sec >= long.MaxValue / 2000000000;
        long target = isFar ? long.MaxValue / 2 : (time.tv_sec * 1000000000) + time.tv_nsec;
        long left = target - VirtualFileSystem.NowNs;
        deadlineNs = Math.Max(1, task.Kernel.MonotonicNowNs + left);
        return Errno.None;
    }
}
