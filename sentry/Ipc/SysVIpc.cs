using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Ipc;

/// <summary>System V IPC of one namespace: the tables and their one lock.</summary>
public sealed class SysVIpc
{
    /// <summary>Guards the tables and every object in them.</summary>
    internal readonly OrderedLock<IpcLevel> Lock = new();

    /// <summary>Sizes; how many objects there may be is the tables' own.</summary>
    internal IpcLimits Limits { get; } = new();

    /// <summary>Shared memory segments.</summary>
    internal IpcTable<SharedMemorySegment> Segments { get; } = new(Shm.SHMMNI);

    /// <summary>Semaphore sets.</summary>
    internal IpcTable<SemaphoreSet> Semaphores { get; } = new(Sem.SEMMNI);

    /// <summary>Message queues.</summary>
    internal IpcTable<MessageQueue> Queues { get; } = new(Msg.MSGMNI);

    /// <summary>That of a task's namespace.</summary>
    public static SysVIpc Of(Task task) => task.Namespaces.Ipc.Parts.Get<SysVIpc>();

    /// <summary>The object of an id, with the rights in <paramref name="wanted"/>: EINVAL, EIDRM, EACCES.</summary>
    internal Errno Obtain<T>(Task task, IpcTable<T> table, int id, uint wanted, out T? item)
        where T : IpcObject
    {
        Lock.AssertHeld();
        Errno error = table.Get(id, out item);
        return error == Errno.None && !item!.Allows(task, task.Namespaces.Ipc, wanted) ? Errno.EACCES : error;
    }

    /// <summary>
    /// The object that a *_STAT command means, and what the call returns: by id, and then 0, or by slot, and then its
    /// id. EINVAL, EIDRM, EACCES.
    /// </summary>
    internal Errno ObtainForStat<T>(Task task, IpcTable<T> table, int number, IpcStat way, out T? item, out int result)
        where T : IpcObject
    {
        Lock.AssertHeld();
        Errno error = way == IpcStat.ById ? table.Get(number, out item) : table.GetBySlot(number, out item);
        result = way == IpcStat.ById ? 0 : item?.Id ?? 0;
        return error == Errno.None && way != IpcStat.BySlotForAll
            && !item!.Allows(task, task.Namespaces.Ipc, IpcRights.Read) ? Errno.EACCES : error;
    }

    /// <summary>IPC_SET of an object that has nothing but permissions to set.</summary>
    internal Errno SetPermissions<T>(Task task, IpcTable<T> table, int id, in Ipc64Perm wanted)
        where T : IpcObject
    {
        using (Lock.Enter())
        {
            Errno error = ObtainForControl(task, table, id, out T? item);
            return error == Errno.None ? item!.Update(task, wanted) : error;
        }
    }

    /// <summary>The object of an id, for its owner, creator or a privileged task: EINVAL, EIDRM, EPERM.</summary>
    internal Errno ObtainForControl<T>(Task task, IpcTable<T> table, int id, out T? item)
        where T : IpcObject
    {
        Lock.AssertHeld();
        Errno error = table.Get(id, out item);
        return error == Errno.None && !item!.IsControlledBy(task, task.Namespaces.Ipc) ? Errno.EPERM : error;
    }
}
