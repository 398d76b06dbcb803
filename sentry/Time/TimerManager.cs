using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using HostOs;
using Sentry.Sync;

namespace Sentry.Time;

/// <summary>
/// All timers of a kernel on one host thread, which sleeps until the earliest deadline and is woken only when an
/// earlier one is
/// set. It also keeps the clock in step with the host's.
/// </summary>
public sealed class TimerManager
{
    // Pinned for life: its address is the host futex word the thread sleeps on. 128 bytes keep it off other data.
    private readonly int[] _signal = GC.AllocateArray<int>(32, pinned: true);
    private readonly KernelClock _clock;
    private readonly ClockRefresher _refresher;

    private readonly OrderedLock<TimerLevel> _lock = new();

    // Guarded by _lock.
    private readonly TimerHeap _heap = new();
    private long _sleepsUntilNs = long.MinValue;

    private Thread? _thread;
    private bool _isStopping;

    /// <summary>A manager without a thread; see <see cref="Start"/>.</summary>
    public TimerManager(KernelClock clock)
    {
        _clock = clock;
        _refresher = new ClockRefresher(this, clock);
    }

    /// <summary>Timers that are armed.</summary>
    public int ArmedCount
    {
        get
        {
            using (_lock.Enter())
            {
                return _heap.Count;
            }
        }
    }

    /// <summary>Starts the host thread and the refreshing of the clock.</summary>
    public void Start()
    {
        _refresher.Begin();
        _thread = new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = "timers" };
        _thread.Start();
    }

    /// <summary>Ends the thread; callbacks that run are waited for.</summary>
    public void Stop()
    {
        Volatile.Write(ref _isStopping, true);
        Signal();
        _thread?.Join();
    }

    /// <summary>
    /// Sets when the timer is due, in place of what was set before; long.MaxValue disarms it. Any thread, under any
    /// lock outside
    /// the timer level.
    /// </summary>
    public void Arm(KernelTimer timer, long deadlineNs)
    {
        if (deadlineNs == long.MaxValue)
        {
            Disarm(timer);
            return;
        }

        bool isEarlier;
        using (_lock.Enter())
        {
            _heap.Set(timer, deadlineNs);
            isEarlier = deadlineNs < _sleepsUntilNs;
            _sleepsUntilNs = isEarlier ? deadlineNs : _sleepsUntilNs;
        }

        if (isEarlier)
        {
            Signal();
        }
    }

    /// <summary>
    /// Disarms the timer; false when it was not armed. Its callback may be running: the thread still wakes at the old
    /// deadline
    /// and finds nothing, which is cheaper than waking it now.
    /// </summary>
    public bool Disarm(KernelTimer timer)
    {
        using (_lock.Enter())
        {
            return _heap.Remove(timer);
        }
    }

    /// <summary>Runs the callbacks of all timers due at <paramref name="nowNs"/>; the next deadline. For the timer
    /// thread and for tests.</summary>
    public long RunDue(long nowNs)
    {
        while (true)
        {
            KernelTimer? due;
            using (_lock.Enter())
            {
                due = _heap.TakeDue(nowNs);
                if (due is null)
                {
                    return _heap.NextDeadlineNs;
                }
            }

            due.OnExpired(nowNs);
        }
    }

    /// <summary>CLOCK_REALTIME was set: timers that follow it compute their deadlines again.</summary>
    public void OnRealtimeStepped()
    {
        List<KernelTimer> timers = new();
        using (_lock.Enter())
        {
            _heap.CollectRealtime(timers);
        }

        foreach (KernelTimer timer in timers)
        {
            timer.OnRealtimeStepped();
        }
    }

    private void Run()
    {
        // As Linux's own timers: no slack added by the host (prctl(2), PR_SET_TIMERSLACK).
        HostPrctl.Prctl(HostPrctl.SetTimerSlack, 1);
        while (!Volatile.Read(ref _isStopping))
        {
            int seen = Volatile.Read(ref _signal[0]);
            RunDue(_clock.MonotonicNs);
            long deadlineNs;
            using (_lock.Enter())
            {
                deadlineNs = _sleepsUntilNs = _heap.NextDeadlineNs;
            }

            Sleep(seen, deadlineNs);
            using (_lock.Enter())
            {
                // Whatever is armed while the thread is awake needs no wake-up: it looks at the heap before it sleeps
                // again.
                _sleepsUntilNs = long.MinValue;
            }
        }
    }

    private void Sleep(int seen, long deadlineNs)
    {
        long timeoutNs = deadlineNs == long.MaxValue ? -1 : deadlineNs - _clock.MonotonicNs;
        if (deadlineNs == long.MaxValue || timeoutNs > 0)
        {
            HostFutex.WaitPrivate(Marshal.UnsafeAddrOfPinnedArrayElement(_signal, 0), (uint)seen, timeoutNs);
        }
    }

    private void Signal()
    {
        Interlocked.Increment(ref _signal[0]);
        HostFutex.WakePrivate(Marshal.UnsafeAddrOfPinnedArrayElement(_signal, 0), 1);
    }

    /// <summary>Calls <see cref="KernelClock.Refresh"/>: soon, after 100 ms, after 1 s, then every 10 s.</summary>
    private sealed class ClockRefresher(TimerManager manager, KernelClock clock) : KernelTimer
    {
        private const long NsPerMs = 1_000_000;
        private static readonly long[] s_intervalsNs = [2 * NsPerMs, 100 * NsPerMs, 1000 * NsPerMs, 10000 * NsPerMs];
        private int _step;

        public override void OnExpired(long nowNs)
        {
            _step = Math.Min(_step + 1, s_intervalsNs.Length - 1);
            if (clock.Refresh(s_intervalsNs[_step]) == RealtimeChange.Stepped)
            {
                manager.OnRealtimeStepped();
            }

            manager.Arm(this, nowNs + s_intervalsNs[_step]);
        }

        internal void Begin() => manager.Arm(this, clock.MonotonicNs + s_intervalsNs[0]);
    }
}
