using System;

namespace Sentry.Time;

/// <summary>Something that is due when a CPU clock reaches a value; see <see cref="CpuTimerSet"/>.</summary>
internal abstract class CpuTimer(CpuTimeSource source)
{
    /// <summary>The clock.</summary>
    internal CpuTimeSource Source { get; } = source;

    /// <summary>Value at which it is due. Guarded by the set's lock.</summary>
    internal long ExpiryNs { get; set; }

    /// <summary>In its set. Guarded by the set's lock.</summary>
    internal bool IsInSet { get; set; }

    /// <summary>
    /// The clock reached the value. Runs on the timer thread under no lock, when the timer is out of its set; as with
    /// <see cref="KernelTimer.OnExpired"/> it first looks whether it is still wanted.
    /// </summary>
    internal abstract void OnExpired();
}
