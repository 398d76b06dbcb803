namespace Sentry.Kernel;

public sealed partial class Task
{
    private FutexWaiter? _futexWaiter;

    /// <summary>The task's own place in a futex queue, made at the first wait.</summary>
    internal FutexWaiter FutexWaiter => _futexWaiter ??= new FutexWaiter(this);
}
