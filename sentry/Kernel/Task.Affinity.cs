using System.Threading;
using Platform;

namespace Sentry.Kernel;

/// <summary>CPUs (sched_setaffinity(2)): the mask is kept with the scheduling parameters and holds on the
/// host.</summary>
public sealed partial class Task
{
    /// <summary>
    /// Makes the mask of <see cref="Scheduling"/> hold: at the start of the task and after a change. Any thread.
    /// </summary>
    internal void ApplyAffinity()
    {
        // The setter stores the mask before it looks for the context, and the task its context before it looks at the
        // mask. Whoever sees another mask afterwards applies that one, so the last one wins.
        ulong[]? applied = null;
        while (Volatile.Read(ref _context) is { } context && !ReferenceEquals(applied, Scheduling.Affinity))
        {
            applied = Scheduling.Affinity;
            context.SetAffinity(Kernel.HostCpus.MaskOf(applied));
        }
    }
}
