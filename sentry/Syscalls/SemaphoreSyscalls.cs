using System;
using Abi.Linux;
using Sentry.Ipc;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using IpcAbi = Abi.Linux.Ipc;

namespace Sentry.Syscalls;

/// <summary>System V semaphores: semget(2), semop(2).</summary>
public static partial class SemaphoreSyscalls
{
    private const int StackOperations = 32;

    /// <summary>semget(key_t key, int nsems, int semflg).</summary>
    public static SyscallResult Semget(Task task, in SyscallArguments args)
    {
        int key = args.Int(0);
        int count = args.Int(1);
        int flags = args.Int(2);
        SysVIpc ipc = SysVIpc.Of(task);
        if (count < 0 || count > ipc.Limits.SemaphoresOfSet)
        {
            return Errno.EINVAL;
        }

        using (ipc.Lock.Enter())
        {
            Errno error = ipc.Semaphores.Find(task, task.Namespaces.Ipc, key, flags, out SemaphoreSet? set);
            if (error != Errno.None)
            {
                return error;
            }

            if (set is not null)
            {
                return count > set.Values.Length ? Errno.EINVAL : set.Id;
            }

            if (count == 0)
            {
                return Errno.EINVAL;
            }

            if (count > ipc.Limits.Semaphores - InUse(ipc))
            {
                return Errno.ENOSPC;
            }

            set = new SemaphoreSet(task, key, (uint)flags, count);
            ipc.Semaphores.Add(set);
            return set.Id;
        }
    }

    private static int InUse(SysVIpc ipc)
    {
        int count = 0;
        foreach (SemaphoreSet set in ipc.Semaphores.All)
        {
            count += set.Values.Length;
        }

        return count;
    }

    /// <summary>semop(int semid, struct sembuf *sops, size_t nsops).</summary>
    public static SyscallResult Semop(Task task, in SyscallArguments args) =>
        Operate(task, args, long.MaxValue);

    /// <summary>semtimedop(int semid, struct sembuf *sops, size_t nsops, const struct timespec *timeout).</summary>
    public static SyscallResult Semtimedop(Task task, in SyscallArguments args)
    {
        Errno error = Deadlines.FromTimespec(task, args.Address(3), out long deadlineNs);
        return error != Errno.None ? error : Operate(task, args, deadlineNs);
    }

    private static SyscallResult Operate(Task task, in SyscallArguments args, long deadlineNs)
    {
        uint count = args.UInt(2);
        if (count < 1 || args.Int(0) < 0)
        {
            return Errno.EINVAL;
        }

        if (count > (uint)SysVIpc.Of(task).Limits.Operations)
        {
            return Errno.E2BIG;
        }

        Span<Sembuf> operations = count <= StackOperations ? stackalloc Sembuf[(int)count] : new Sembuf[count];
        Errno error = task.Mm.ReadArray(args.Address(1), operations);
        return error != Errno.None ? error : Operate(task, args.Int(0), operations, deadlineNs);
    }

    private static SyscallResult Operate(Task task, int id, ReadOnlySpan<Sembuf> operations, long deadlineNs)
    {
        bool alters = false;
        bool undoes = false;
        int highest = 0;
        foreach (Sembuf operation in operations)
        {
            alters |= operation.sem_op != 0;
            undoes |= (operation.sem_flg & Sem.SEM_UNDO) != 0;
            highest = Math.Max(highest, operation.sem_num);
        }

        SysVIpc ipc = SysVIpc.Of(task);
        SemaphoreUndo? undo = undoes ? task.SemaphoreUndo(ipc) : null;
        SemaphoreWaiter waiter;
        SemaphoreSet? set;
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.Semaphores.Get(id, out set);
            if (error != Errno.None)
            {
                return error;
            }

            if (highest >= set!.Values.Length)
            {
                return Errno.EFBIG;
            }

            if (!set.Allows(task, task.Namespaces.Ipc, alters ? IpcRights.Write : IpcRights.Read))
            {
                return Errno.EACCES;
            }

            error = set.Try(task, operations, undo, out int blockedBy);
            if (error == Errno.None)
            {
                set.OperationTimeNs = VirtualFileSystem.NowNs;
                set.WakeReady();
            }

            if (error != Errno.EAGAIN || (operations[blockedBy].sem_flg & IpcAbi.IPC_NOWAIT) != 0)
            {
                return error;
            }

            waiter = new SemaphoreWaiter(task, operations.ToArray(), undo) { BlockedBy = blockedBy };
            set.Enqueue(waiter);
        }

        return Await(task, ipc, set, waiter, deadlineNs);
    }

    /// <summary>
    /// Sleeps until somebody else's change lets the operations happen. Never restarted: EINTR (signal(7)).
    /// </summary>
    private static SyscallResult Await(
        Task task, SysVIpc ipc, SemaphoreSet set, SemaphoreWaiter waiter, long deadlineNs)
    {
        while (true)
        {
            Errno wake = task.Block(deadlineNs == 0 ? 1 : deadlineNs);
            using (ipc.Lock.Enter())
            {
                if (waiter.Outcome != Errno.EAGAIN)
                {
                    return waiter.Outcome;
                }

                if (wake != Errno.None)
                {
                    set.Dequeue(waiter);
                    return wake == Errno.ETIMEDOUT ? Errno.EAGAIN : Errno.EINTR;
                }
            }
        }
    }
}
