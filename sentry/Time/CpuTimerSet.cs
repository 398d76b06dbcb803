using System;
using System.Collections.Generic;
using System.Threading;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Time;

/// <summary>
/// Timers on the CPU clocks of one process. CPU time passes no faster than time, on as many CPUs as there are: until
/// the nearest
/// timer could be due at the earliest nothing is looked at. When that time comes and no task of the process runs, the
/// set is
/// parked, and the first task that enters guest code wakes it.
/// </summary>
internal sealed class CpuTimerSet(ThreadGroup group) : KernelTimer
{
    private const long ShortestWaitNs = 20_000;

    /// <summary>As good as never, and far from overflow.</summary>
    private const long LongestWaitNs = long.MaxValue / 4;

    private readonly OrderedLock<CpuTimersLevel> _lock = new();

    // Guarded by _lock.
    private readonly List<CpuTimer> _timers = new();
    private long _tickNs = long.MaxValue;
    private long _parkedWaitNs;
    private bool _isParked;

    /// <summary>True when a task that runs must call <see cref="Unpark"/>. Any thread.</summary>
    internal bool IsParked => Volatile.Read(ref _isParked);

    /// <summary>
    /// Puts a timer in or moves it; <paramref name="clockNs"/> is what its clock shows now. Any thread, under any
    /// lock outside the
    /// level of CPU timers.
    /// </summary>
    internal void Set(CpuTimer timer, long expiryNs, long clockNs)
    {
        using (_lock.Enter())
        {
            timer.ExpiryNs = expiryNs;
            if (!timer.IsInSet)
            {
                timer.IsInSet = true;
                _timers.Add(timer);
            }

            long tickNs = Now + WaitFor(timer, clockNs);
            if (_isParked || tickNs < _tickNs)
            {
                ArmLocked(_isParked ? Math.Min(tickNs, Now + _parkedWaitNs) : tickNs);
            }
        }
    }

    /// <summary>Takes a timer out if it is in.</summary>
    internal void Remove(CpuTimer timer)
    {
        using (_lock.Enter())
        {
            RemoveLocked(timer);
        }
    }

    /// <summary>Takes everything out: the process ends.</summary>
    internal void Clear()
    {
        using (_lock.Enter())
        {
            while (_timers.Count != 0)
            {
                RemoveLocked(_timers[^1]);
            }

            _isParked = false;
            _tickNs = long.MaxValue;
            Manager.Disarm(this);
        }
    }

    /// <summary>A task of the process runs again.</summary>
    internal void Unpark()
    {
        using (_lock.Enter())
        {
            if (_isParked)
            {
                ArmLocked(Now + _parkedWaitNs);
            }
        }
    }

    /// <inheritdoc/>
    public override void OnExpired(long nowNs)
    {
        while (TakeDue() is { } due)
        {
            due.OnExpired();
        }

        CpuTimes times = group.GetCpuTimes();
        bool runs = group.HasRunningTask();
        using (_lock.Enter())
        {
            ScheduleLocked(times, runs);
        }

        // A task that began to run before the set was parked did not see that; it is running now.
        Interlocked.MemoryBarrier();
        if (IsParked && group.HasRunningTask())
        {
            Unpark();
        }
    }

    private TimerManager Manager => group.Kernel.Timers;

    private long Now => group.Kernel.Clock.MonotonicNs;

    private CpuTimer? TakeDue()
    {
        CpuTimes times = group.GetCpuTimes();
        using (_lock.Enter())
        {
            foreach (CpuTimer timer in _timers)
            {
                if (timer.Source.ReadWith(times) >= timer.ExpiryNs)
                {
                    RemoveLocked(timer);
                    return timer;
                }
            }
        }

        return null;
    }

    private void ScheduleLocked(in CpuTimes times, bool runs)
    {
        long waitNs = long.MaxValue;
        foreach (CpuTimer timer in _timers)
        {
            waitNs = Math.Min(waitNs, WaitFor(timer, timer.Source.ReadWith(times)));
        }

        _tickNs = long.MaxValue;
        if (_timers.Count == 0)
        {
            return;
        }

        if (runs)
        {
            ArmLocked(Now + waitNs);
            return;
        }

        _parkedWaitNs = waitNs;
        Volatile.Write(ref _isParked, true);
    }

    private void ArmLocked(long tickNs)
    {
        _isParked = false;
        _tickNs = tickNs;
        Manager.Arm(this, tickNs);
    }

    /// <summary>The least time that passes before the timer is due.</summary>
    private long WaitFor(CpuTimer timer, long clockNs)
    {
        int runners = timer.Source.Task is null ? Math.Clamp(group.TaskCountHint, 1, group.Kernel.CpuCount) : 1;
        return Math.Clamp((timer.ExpiryNs - clockNs) / runners, ShortestWaitNs, LongestWaitNs);
    }

    private void RemoveLocked(CpuTimer timer)
    {
        if (timer.IsInSet)
        {
            timer.IsInSet = false;
            _timers.Remove(timer);
        }
    }
}
