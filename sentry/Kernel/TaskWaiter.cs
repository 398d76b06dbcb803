namespace Sentry.Kernel;

/// <summary>
/// The usual wait entry: wakes one task out of <see cref="Task.Block"/>. Every wait of the task uses it: whoever
/// narrows <see cref="WaitEntry.Events"/>
/// sets them back to all when the wait is over.
/// </summary>
public sealed class TaskWaiter : WaitEntry
{
    private readonly Task _task;

    /// <summary>A waiter for the given task, for use by that task only.</summary>
    public TaskWaiter(Task task) => _task = task;

    /// <inheritdoc/>
    public override bool OnNotify(uint events)
    {
        _task.Wake();
        return true;
    }
}
