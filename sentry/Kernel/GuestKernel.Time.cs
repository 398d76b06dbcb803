using System.Threading;
using Sentry.Time;

namespace Sentry.Kernel;

public sealed partial class GuestKernel
{
    private Vdso? _vdso;
    private TimerManager? _timers;

    /// <summary>What the host's clocks read.</summary>
    public HostClockSource HostClockSource { get; init; }

    /// <summary>The vDSO of all programs; made at the first use.</summary>
    public Vdso Vdso
    {
        get
        {
            if (Volatile.Read(ref _vdso) is null)
            {
                Interlocked.CompareExchange(ref _vdso, new Vdso(MemoryFile, HostClockSource), null);
            }

            return _vdso!;
        }
    }

    /// <summary>The clocks of the guest.</summary>
    public KernelClock Clock => Vdso.Clock;

    /// <summary>All timers; they expire once the first program runs.</summary>
    public TimerManager Timers
    {
        get
        {
            if (Volatile.Read(ref _timers) is null)
            {
                Interlocked.CompareExchange(ref _timers, new TimerManager(Clock), null);
            }

            return _timers!;
        }
    }

    /// <summary>CLOCK_MONOTONIC in ns.</summary>
    public long MonotonicNowNs => Clock.MonotonicNs;

    /// <summary>CLOCK_REALTIME in ns since the epoch.</summary>
    public long RealtimeNowNs => Clock.RealtimeNs;
}
