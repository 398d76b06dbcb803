using System;
using Abi.Linux;
using Sentry.Ipc;
using Sentry.Kernel;
using Sentry.Mm;
using IpcAbi = Abi.Linux.Ipc;

namespace Sentry.Syscalls;

// semctl(2).
public static partial class SemaphoreSyscalls
{
    private const long NsPerSecond = 1000000000;

    /// <summary>semctl(int semid, int semnum, int cmd, union semun arg).</summary>
    public static SyscallResult Semctl(Task task, in SyscallArguments args)
    {
        int id = args.Int(0);
        int command = args.Int(2) & ~IpcAbi.IPC_64;
        if (id < 0)
        {
            return Errno.EINVAL;
        }

        switch (command)
        {
            case IpcAbi.IPC_INFO or Sem.SEM_INFO:
                return Info(task, command, args.Address(3));
            case IpcAbi.IPC_STAT:
                return Stat(task, id, IpcStat.ById, args.Address(3));
            case Sem.SEM_STAT:
                return Stat(task, id, IpcStat.BySlot, args.Address(3));
            case Sem.SEM_STAT_ANY:
                return Stat(task, id, IpcStat.BySlotForAll, args.Address(3));
            case Sem.GETALL:
                return GetAll(task, id, args.Address(3));
            case Sem.SETALL:
                return SetAll(task, id, args.Address(3));
            case Sem.GETVAL or Sem.GETPID or Sem.GETNCNT or Sem.GETZCNT:
                return GetOne(task, id, args.Int(1), command);
            case Sem.SETVAL:
                return SetOne(task, id, args.Int(1), args.Int(3));
            case IpcAbi.IPC_SET:
                return Set(task, id, args.Address(3));
            case IpcAbi.IPC_RMID:
                return Remove(task, id);
            default:
                return Errno.EINVAL;
        }
    }

    private static SyscallResult Info(Task task, int command, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        Seminfo info = new()
        {
            semmap = Sem.SEMMAP,
            semmni = ipc.Semaphores.Limit,
            semmns = ipc.Limits.Semaphores,
            semmnu = Sem.SEMMNU,
            semmsl = ipc.Limits.SemaphoresOfSet,
            semopm = ipc.Limits.Operations,
            semume = ipc.Limits.Operations,
            semusz = Sem.SEMUSZ,
            semvmx = Sem.SEMVMX,
            semaem = Sem.SEMAEM,
        };
        int highest;
        using (ipc.Lock.Enter())
        {
            highest = ipc.Semaphores.HighestSlot;
            if (command == Sem.SEM_INFO)
            {
                info.semusz = ipc.Semaphores.Count;
                info.semaem = 0;
                foreach (SemaphoreSet set in ipc.Semaphores.All)
                {
                    info.semaem += set.Values.Length;
                }
            }
        }

        return SyscallResult.From(task.Mm.Write(address, info), highest);
    }

    private static SyscallResult Stat(Task task, int number, IpcStat way, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        Semid64Ds state;
        int result;
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.ObtainForStat(task, ipc.Semaphores, number, way, out SemaphoreSet? set, out result);
            if (error != Errno.None)
            {
                return error;
            }

            state = new Semid64Ds
            {
                sem_perm = set!.Describe(task),
                sem_otime = set.OperationTimeNs / NsPerSecond,
                sem_ctime = set.ChangeTimeNs / NsPerSecond,
                sem_nsems = (ulong)set.Values.Length,
            };
        }

        return SyscallResult.From(task.Mm.Write(address, state), result);
    }

    private static SyscallResult GetAll(Task task, int id, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        ushort[] values;
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.Obtain(task, ipc.Semaphores, id, IpcRights.Read, out SemaphoreSet? set);
            if (error != Errno.None)
            {
                return error;
            }

            values = (ushort[])set!.Values.Clone();
        }

        return task.Mm.WriteArray<ushort>(address, values);
    }

    private static SyscallResult SetAll(Task task, int id, GuestAddress address)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        int count;
        Errno error;
        using (ipc.Lock.Enter())
        {
            error = ipc.Obtain(task, ipc.Semaphores, id, IpcRights.Write, out SemaphoreSet? set);
            count = set?.Values.Length ?? 0;
        }

        if (error != Errno.None)
        {
            return error;
        }

        ushort[] values = new ushort[count];
        error = task.Mm.ReadArray<ushort>(address, values);
        if (error != Errno.None)
        {
            return error;
        }

        if (Array.Exists(values, value => value > Sem.SEMVMX))
        {
            return Errno.ERANGE;
        }

        using (ipc.Lock.Enter())
        {
            error = ipc.Semaphores.Get(id, out SemaphoreSet? set);
            if (error != Errno.None)
            {
                return Errno.EIDRM;
            }

            for (int i = 0; i < count; i++)
            {
                set!.Set(task, i, values[i]);
            }

            set!.StampChange();
            set.WakeReady();
        }

        return SyscallResult.Ok;
    }

    private static SyscallResult GetOne(Task task, int id, int number, int command)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.Obtain(task, ipc.Semaphores, id, IpcRights.Read, out SemaphoreSet? set);
            if (error != Errno.None)
            {
                return error;
            }

            if ((uint)number >= (uint)set!.Values.Length)
            {
                return Errno.EINVAL;
            }

            return command switch
            {
                Sem.GETVAL => set.Values[number],
                Sem.GETPID => set.LastPids[number]?.NumberIn(task.PidNamespace) ?? 0,
                _ => set.CountWaiters(number, forZero: command == Sem.GETZCNT),
            };
        }
    }

    private static SyscallResult SetOne(Task task, int id, int number, int value)
    {
        if (value is < 0 or > Sem.SEMVMX)
        {
            return Errno.ERANGE;
        }

        SysVIpc ipc = SysVIpc.Of(task);
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.Semaphores.Get(id, out SemaphoreSet? set);
            if (error != Errno.None)
            {
                return error;
            }

            if ((uint)number >= (uint)set!.Values.Length)
            {
                return Errno.EINVAL;
            }

            if (!set.Allows(task, task.Namespaces.Ipc, IpcRights.Write))
            {
                return Errno.EACCES;
            }

            set.Set(task, number, (ushort)value);
            set.StampChange();
            set.WakeReady();
        }

        return SyscallResult.Ok;
    }

    private static SyscallResult Set(Task task, int id, GuestAddress address)
    {
        Errno error = task.Mm.Read(address, out Semid64Ds wanted);
        SysVIpc ipc = SysVIpc.Of(task);
        return error == Errno.None ? ipc.SetPermissions(task, ipc.Semaphores, id, wanted.sem_perm) : error;
    }

    private static SyscallResult Remove(Task task, int id)
    {
        SysVIpc ipc = SysVIpc.Of(task);
        using (ipc.Lock.Enter())
        {
            Errno error = ipc.ObtainForControl(task, ipc.Semaphores, id, out SemaphoreSet? set);
            if (error == Errno.None)
            {
                ipc.Semaphores.Remove(set!);
                set!.WakeAllRemoved();
            }

            return error;
        }
    }
}
