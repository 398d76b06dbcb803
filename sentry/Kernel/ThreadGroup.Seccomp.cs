namespace Sentry.Kernel;

public sealed partial class ThreadGroup
{
    /// <summary>A live thread whose filters are no part of the caller's, by its id in the caller's namespace; 0 when
    /// there is none.</summary>
    internal int FindSeccompStrayLocked(Task caller)
    {
        SignalLock.AssertHeld();
        foreach (Task task in _tasks)
        {
            if (task != caller && !task.IsExiting && !task.HasSeccompPrefixOf(caller))
            {
                return task.Identity.NumberIn(caller.PidNamespace);
            }
        }

        return 0;
    }

    /// <summary>Gives all threads the filter, and with it the promise it rests on.</summary>
    internal void SpreadSeccompLocked(SeccompState state, bool noNewPrivileges)
    {
        SignalLock.AssertHeld();
        foreach (Task task in _tasks)
        {
            if (!task.IsExiting)
            {
                task.SetSeccompLocked(state);
                task.NoNewPrivileges |= noNewPrivileges;
            }
        }
    }
}
