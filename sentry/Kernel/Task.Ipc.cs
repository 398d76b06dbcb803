using Sentry.Ipc;

namespace Sentry.Kernel;

// System V semaphore undo (semop(2), SEM_UNDO).
public sealed partial class Task
{
    private SemaphoreUndo? _semaphoreUndo;

    /// <summary>Where this task's SEM_UNDO operations are noted; made when first needed.</summary>
    internal SemaphoreUndo SemaphoreUndo(SysVIpc owner) => _semaphoreUndo ??= new SemaphoreUndo(owner);

    /// <summary>CLONE_SYSVSEM: the child shares the parent's undo.</summary>
    internal void ShareSemaphoreUndo(Task parent)
    {
        _semaphoreUndo = parent.SemaphoreUndo(SysVIpc.Of(parent));
        _semaphoreUndo.AddUser();
    }

    /// <summary>
    /// The end of the task, or a new IPC namespace (unshare(2)): gives back what the last sharer leaves.
    /// </summary>
    internal void DropSemaphoreUndo()
    {
        SemaphoreUndo? undo = _semaphoreUndo;
        _semaphoreUndo = null;
        undo?.DropUser(this);
    }

    partial void OnExitIpc() => DropSemaphoreUndo();
}
