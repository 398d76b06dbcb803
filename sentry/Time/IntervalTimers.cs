using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Time;

/// <summary>
/// ITIMER_REAL: SIGALRM by the wall. With an interval it runs on only when its signal is taken, so that a process
/// that does not look is not
/// flooded (kernel/time/itimer.c, kernel/signal.c dequeue_signal). Guarded by the signal lock.
/// </summary>
internal sealed class RealIntervalTimer(ProcessTimers owner) : KernelTimer
{
    private const long ShortestShownNs = 1000;

    private bool _isArmed;
    private long _expiryNs;
    private long _intervalNs;

    public override void OnExpired(long nowNs)
    {
        ThreadGroup group = owner.Group;
        using (group.SignalLock.Enter())
        {
            if (_isArmed && nowNs >= _expiryNs)
            {
                _isArmed = false;
                group.SendLocked(SigInfos.FromKernel(Signals.SIGALRM), SignalForce.Kernel, null);
            }
        }
    }

    internal TimerSetting GetLocked()
    {
        long left = _isArmed ? Math.Max(_expiryNs - owner.Clock.MonotonicNs, ShortestShownNs) : 0;
        return new TimerSetting(left, _intervalNs);
    }

    internal void SetLocked(TimerSetting setting)
    {
        _intervalNs = setting.IntervalNs;
        _isArmed = setting.ValueNs != 0;
        if (!_isArmed)
        {
            owner.Manager.Disarm(this);
            return;
        }

        _expiryNs = AddSaturated(owner.Clock.MonotonicNs, setting.ValueNs);
        owner.Manager.Arm(this, _expiryNs);
    }

    internal void ResumeLocked()
    {
        if (!_isArmed && _intervalNs != 0)
        {
            ProcessTimers.Forward(ref _expiryNs, _intervalNs, owner.Clock.MonotonicNs);
            _isArmed = true;
            owner.Manager.Arm(this, _expiryNs);
        }
    }

    internal static long AddSaturated(long left, long right) => left > long.MaxValue - right ? long.MaxValue : left
        + right;
}

/// <summary>ITIMER_VIRTUAL and ITIMER_PROF: a signal by the CPU time of the process. Guarded by the signal
/// lock.</summary>
internal sealed class CpuIntervalTimer(ProcessTimers owner, CpuMeasure measure, int signal)
    : CpuTimer(new CpuTimeSource(owner.Group, null, measure))
{
    private const long TickNs = 4_000_000;

    private long _expiryNs;
    private long _intervalNs;

    internal override void OnExpired()
    {
        ThreadGroup group = owner.Group;
        using (group.SignalLock.Enter())
        {
            long now = Source.ReadLocked();
            if (_expiryNs == 0)
            {
                return;
            }

            if (now < _expiryNs)
            {
                owner.Cpu.Set(this, _expiryNs, now);
                return;
            }

            group.SendLocked(SigInfos.FromKernel(signal), SignalForce.Kernel, null);
            if (_intervalNs == 0)
            {
                _expiryNs = 0;
                return;
            }

            // One signal stands for all the intervals that went by: a standard signal is pending once.
            ProcessTimers.Forward(ref _expiryNs, _intervalNs, now);
            owner.Cpu.Set(this, _expiryNs, now);
        }
    }

    internal TimerSetting GetLocked()
    {
        // An expiry that is due but not seen yet shows as one tick (kernel/time/itimer.c, get_cpu_itimer).
        long left = _expiryNs - Source.ReadLocked();
        return new TimerSetting(_expiryNs == 0 ? 0 : left > 0 ? left : TickNs, _intervalNs);
    }

    internal void SetLocked(TimerSetting setting)
    {
        _intervalNs = setting.IntervalNs;
        if (setting.ValueNs == 0)
        {
            _expiryNs = 0;
            owner.Cpu.Remove(this);
            return;
        }

        long now = Source.ReadLocked();
        _expiryNs = RealIntervalTimer.AddSaturated(now, setting.ValueNs);
        owner.Cpu.Set(this, _expiryNs, now);
    }
}

/// <summary>RLIMIT_CPU: SIGXCPU at the soft limit and every second after it, SIGKILL at the hard one
/// (getrlimit(2)).</summary>
internal sealed class CpuLimitTimer(ProcessTimers owner) : CpuTimer(
    new CpuTimeSource(owner.Group, null, CpuMeasure.Total))
{
    private const long NsPerSecond = 1_000_000_000;

    internal override void OnExpired()
    {
        ThreadGroup group = owner.Group;
        using (group.SignalLock.Enter())
        {
            Rlimit limit = group.Limits.Get(Resource.RLIMIT_CPU);
            ulong usedSeconds = (ulong)(Source.ReadLocked() / NsPerSecond);
            if (usedSeconds >= limit.rlim_max)
            {
                group.SendLocked(SigInfos.FromKernel(Signals.SIGKILL), SignalForce.Kernel, null);
                return;
            }

            if (usedSeconds >= limit.rlim_cur)
            {
                group.SendLocked(SigInfos.FromKernel(Signals.SIGXCPU), SignalForce.Kernel, null);
                limit.rlim_cur++;
                group.Limits.Set(Resource.RLIMIT_CPU, limit);
            }

            UpdateLocked();
        }
    }

    internal void UpdateLocked()
    {
        Rlimit limit = owner.Group.Limits.Get(Resource.RLIMIT_CPU);
        ulong seconds = Math.Min(limit.rlim_cur, limit.rlim_max);
        if (seconds > (ulong)(long.MaxValue / NsPerSecond))
        {
            owner.Cpu.Remove(this);
            return;
        }

        owner.Cpu.Set(this, (long)seconds * NsPerSecond, Source.ReadLocked());
    }
}
