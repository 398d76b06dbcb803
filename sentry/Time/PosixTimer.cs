using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Time;

/// <summary>Whether a timer's first expiry is a time or a distance (TIMER_ABSTIME).</summary>
public enum TimerBase
{
    /// <summary>From now.</summary>
    Relative,

    /// <summary>On the clock.</summary>
    Absolute,
}

/// <summary>What a POSIX timer does when it expires (sigevent(7)).</summary>
/// <param name="Signal">Signal to send; 0 for SIGEV_NONE.</param>
/// <param name="Value">si_value; null stands for the timer's id, the default without a sigevent.</param>
/// <param name="Target">Thread of SIGEV_THREAD_ID; null for the process.</param>
internal readonly record struct TimerNotification(int Signal, ulong? Value, Task? Target);

/// <summary>
/// One timer of timer_create(2). It has at most one signal pending; while it has, or while its signal is ignored, it
/// does not run, and
/// the expiries it missed are counted when the signal is taken (kernel/time/posix-timers.c). Guarded by the signal
/// lock.
/// </summary>
internal sealed class PosixTimer : KernelTimer
{
    private const long NsPerSecond = 1_000_000_000;

    private readonly ProcessTimers _owner;
    private readonly GuestClock _clock;
    private readonly TimerNotification _notification;
    private readonly UserAccount _account;
    private readonly CpuHalf? _cpu;

    // Absolute on the clock that runs the timer: CLOCK_MONOTONIC for relative times on CLOCK_REALTIME, which setting
    // that clock does not move.
    private GuestClock _runningClock;
    private State _state;
    private long _expiryNs;
    private long _intervalNs;
    private long _missed;

    internal PosixTimer(
        ProcessTimers owner, int id, in GuestClock clock, in TimerNotification notification, UserAccount account)
    {
        _owner = owner;
        Id = id;
        _clock = _runningClock = clock;
        _notification = notification;
        _account = account;
        _cpu = clock.Kind == ClockKind.Cpu ? new CpuHalf(this, clock.Cpu) : null;
        SigInfo info = new()
        {
            si_signo = notification.Signal,
            si_code = SigCode.SI_TIMER,
            si_timerid = id,
            si_value = notification.Value ?? (uint)id,
        };
        Entry = new QueuedSignal(info, this);
    }

    private enum State
    {
        /// <summary>Not set, or its only expiry is past.</summary>
        Off,
        Armed,

        /// <summary>Expired with an interval: runs on when the signal is taken.</summary>
        AwaitsTaking,
    }

    /// <summary>timer_t.</summary>
    internal int Id { get; }

    /// <summary>timer_getoverrun(2): expiries missed before the last signal was taken.</summary>
    internal int LastOverrun { get; private set; }

    /// <summary>Its place in a queue of pending signals.</summary>
    internal QueuedSignal Entry { get; }

    /// <summary>Thread the signal is for; null for the process.</summary>
    internal Task? Target => _notification.Target;

    public override bool FollowsRealtime => _runningClock.FollowsRealtime;

    public override void OnExpired(long nowNs)
    {
        using (_owner.Group.SignalLock.Enter())
        {
            ExpireLocked();
        }
    }

    public override void OnRealtimeStepped()
    {
        using (_owner.Group.SignalLock.Enter())
        {
            if (_state == State.Armed)
            {
                ArmLocked();
            }
        }
    }

    internal TimerSetting GetLocked()
    {
        long now = NowLocked();
        if (_intervalNs != 0 && (_state == State.AwaitsTaking || IsSilent))
        {
            _missed += ProcessTimers.Forward(ref _expiryNs, _intervalNs, now);
        }

        if (_state == State.Off)
        {
            return new TimerSetting(0, _intervalNs);
        }

        // Due but not seen yet: one nanosecond. Only a silent one-shot timer that is over shows as off.
        long left = _expiryNs - now;
        return new TimerSetting(left > 0 ? left : IsSilent ? 0 : 1, _intervalNs);
    }

    internal void SetLocked(TimerSetting setting, TimerBase timeBase)
    {
        DisarmLocked();
        _owner.Group.UnqueueTimerLocked(this);
        LastOverrun = 0;
        _missed = 0;
        _intervalNs = setting.ValueNs == 0 ? 0 : setting.IntervalNs;
        _state = State.Off;
        if (setting.ValueNs == 0)
        {
            return;
        }

        bool isSteady = timeBase == TimerBase.Relative && _clock.FollowsRealtime;
        _runningClock = isSteady ? GuestClock.Monotonic : _clock;
        _expiryNs = timeBase == TimerBase.Absolute
            ? setting.ValueNs
            : RealIntervalTimer.AddSaturated(NowLocked(), setting.ValueNs);
        _state = State.Armed;
        ArmLocked();
    }

    /// <summary>
    /// The signal leaves its queue for delivery: fills in the overrun count and runs on (kernel/time/posix-timers.c,
    /// posixtimer_deliver_signal).
    /// </summary>
    internal void OnTakenLocked(ref SigInfo info)
    {
        if (_state != State.AwaitsTaking)
        {
            return;
        }

        _missed += ProcessTimers.Forward(ref _expiryNs, _intervalNs, NowLocked());

        // The first expiry is the signal itself.
        LastOverrun = (int)Math.Clamp(_missed - 1, 0, int.MaxValue);
        _missed = 0;
        info.si_overrun = LastOverrun;
        _state = State.Armed;
        ArmLocked();
    }

    internal void OnUnignoredLocked(int signal)
    {
        if (_notification.Signal == signal && _state == State.AwaitsTaking && !Entry.IsQueued)
        {
            _owner.Group.QueueTimerLocked(this);
        }
    }

    internal void ReleaseLocked()
    {
        DisarmLocked();
        _state = State.Off;
        _owner.Group.UnqueueTimerLocked(this);
        _account.DropSignal();
    }

    /// <summary>SIGEV_NONE: only timer_gettime(2) tells.</summary>
    private bool IsSilent => _notification.Signal == 0;

    private long NowLocked() => _cpu is null ? _runningClock.Read(_owner.Clock) : _clock.Cpu.ReadLocked();

    private void ExpireLocked()
    {
        if (_state != State.Armed)
        {
            return;
        }

        if (NowLocked() < _expiryNs)
        {
            // Set again meanwhile, or the clock was set back.
            ArmLocked();
            return;
        }

        _state = _intervalNs != 0 ? State.AwaitsTaking : State.Off;
        _owner.Group.QueueTimerLocked(this);
    }

    private void ArmLocked()
    {
        if (IsSilent)
        {
            return;
        }

        if (_cpu is not null)
        {
            _owner.Cpu.Set(_cpu, _expiryNs, _clock.Cpu.ReadLocked());
            return;
        }

        _owner.Manager.Arm(this, _runningClock.ToMonotonic(_owner.Clock, _expiryNs));
    }

    private void DisarmLocked()
    {
        if (_cpu is not null)
        {
            _owner.Cpu.Remove(_cpu);
        }
        else
        {
            _owner.Manager.Disarm(this);
        }
    }

    /// <summary>The timer's registration on a CPU clock.</summary>
    private sealed class CpuHalf(PosixTimer timer, CpuTimeSource source) : CpuTimer(source)
    {
        internal override void OnExpired() => timer.OnExpired(0);
    }
}
