namespace Sentry.Kernel;

/// <summary>A process: tasks that share signal handlers, limits, timers and a PID (Linux's signal_struct).</summary>
public sealed partial class ThreadGroup
{
}
