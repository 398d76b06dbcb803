namespace Sentry.Time;

/// <summary>
/// Something that is due once at a monotonic time: embedded in what it belongs to, so that arming allocates nothing.
/// It belongs
/// to one <see cref="TimerManager"/> for life.
/// </summary>
public abstract class KernelTimer
{
    /// <summary>Place in the heap, -1 when not armed. Guarded by the manager's lock.</summary>
    internal int HeapIndex { get; set; } = -1;

    /// <summary>When it is due. Guarded by the manager's lock.</summary>
    internal long DeadlineNs { get; set; }

    /// <summary>True when the deadline was computed from CLOCK_REALTIME: setting that clock moves it.</summary>
    public virtual bool FollowsRealtime => false;

    /// <summary>
    /// The time has come. Runs on the timer thread under no lock, when the timer is no longer armed; it may arm it
    /// again. A
    /// re-arm or disarm by another thread may have overtaken it: it looks at its own state, under its own lock, first.
    /// </summary>
    public abstract void OnExpired(long nowNs);

    /// <summary>CLOCK_REALTIME was set while the timer was armed and <see cref="FollowsRealtime"/>.</summary>
    public virtual void OnRealtimeStepped()
    {
    }
}
