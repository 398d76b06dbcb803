namespace Sentry.Kernel;

public sealed partial class Task
{
    partial void OnExitTimers()
    {
        if (ThreadGroup.Timers is { } timers && ThreadGroup.LiveTasks == 0)
        {
            timers.OnExit();
        }
    }

    partial void OnExecTimers() => ThreadGroup.Timers?.OnExec();

    /// <summary>CPU-time timers that waited for a task of the process to run: this one does.</summary>
    private void ResumeCpuTimers()
    {
        if (ThreadGroup.Timers is { Cpu: { IsParked: true } cpu })
        {
            cpu.Unpark();
        }
    }
}
