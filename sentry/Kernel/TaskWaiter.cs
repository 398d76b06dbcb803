namespace Sentry.Kernel;

/// <summary>The usual wait entry: wakes one task out of <see cref="Task.Block"/>.</summary>
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
