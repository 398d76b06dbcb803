using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Time;

/// <summary>An interval timer as setitimer(2) and timer_settime(2) see it: time until the next expiry (0: off) and
/// the interval after it.</summary>
public readonly record struct TimerSetting(long ValueNs, long IntervalNs);

/// <summary>
/// The timers of one process: setitimer(2), timer_create(2), RLIMIT_CPU. Everything is guarded by the signal lock of
/// the process, under which
/// expiries also send their signals; timers are armed under it.
/// </summary>
public sealed partial class ProcessTimers
{
    private readonly RealIntervalTimer _real;
    private readonly CpuIntervalTimer _virtual;
    private readonly CpuIntervalTimer _profiling;
    private readonly CpuLimitTimer _limit;

    internal ProcessTimers(ThreadGroup group)
    {
        Group = group;
        Cpu = new CpuTimerSet(group);
        _real = new RealIntervalTimer(this);
        _virtual = new CpuIntervalTimer(this, CpuMeasure.User, Signals.SIGVTALRM);
        _profiling = new CpuIntervalTimer(this, CpuMeasure.Total, Signals.SIGPROF);
        _limit = new CpuLimitTimer(this);
    }

    /// <summary>The process.</summary>
    internal ThreadGroup Group { get; }

    /// <summary>Its timers on CPU clocks.</summary>
    internal CpuTimerSet Cpu { get; }

    internal TimerManager Manager => Group.Kernel.Timers;

    internal KernelClock Clock => Group.Kernel.Clock;

    /// <summary>getitimer(2): ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF.</summary>
    internal TimerSetting GetInterval(int which)
    {
        using (Group.SignalLock.Enter())
        {
            return GetIntervalLocked(which);
        }
    }

    /// <summary>setitimer(2); what was set before.</summary>
    internal TimerSetting SetInterval(int which, TimerSetting setting)
    {
        using (Group.SignalLock.Enter())
        {
            TimerSetting old = GetIntervalLocked(which);
            switch (which)
            {
                case Clocks.ITIMER_REAL:
                    _real.SetLocked(setting);
                    break;
                case Clocks.ITIMER_VIRTUAL:
                    _virtual.SetLocked(setting);
                    break;
                default:
                    _profiling.SetLocked(setting);
                    break;
            }

            return old;
        }
    }

    /// <summary>RLIMIT_CPU was set or inherited: its timer follows.</summary>
    internal void UpdateCpuLimit()
    {
        using (Group.SignalLock.Enter())
        {
            _limit.UpdateLocked();
        }
    }

    /// <summary>A signal was taken from a queue: the interval timer that waited for that runs on.</summary>
    internal void OnSignalTakenLocked(int signal)
    {
        if (signal == Signals.SIGALRM)
        {
            _real.ResumeLocked();
        }
    }

    /// <summary>execve(2): POSIX timers go, interval timers stay.</summary>
    internal void OnExec()
    {
        using (Group.SignalLock.Enter())
        {
            DeleteAllLocked();
        }
    }

    /// <summary>The last task ends.</summary>
    internal void OnExit()
    {
        using (Group.SignalLock.Enter())
        {
            DeleteAllLocked();
            _real.SetLocked(default);
        }

        Cpu.Clear();
    }

    /// <summary>How many whole intervals it takes to bring <paramref name="expiryNs"/> past <paramref name="nowNs"/>;
    /// moves it there.</summary>
    internal static long Forward(ref long expiryNs, long intervalNs, long nowNs)
    {
        if (nowNs < expiryNs || intervalNs <= 0)
        {
            return 0;
        }

        long count = ((nowNs - expiryNs) / intervalNs) + 1;
        expiryNs += count * intervalNs;
        return count;
    }

    private TimerSetting GetIntervalLocked(int which) => which switch
    {
        Clocks.ITIMER_REAL => _real.GetLocked(),
        Clocks.ITIMER_VIRTUAL => _virtual.GetLocked(),
        _ => _profiling.GetLocked(),
    };
}
