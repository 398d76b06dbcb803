using System;
using System.Buffers.Binary;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Time;
using Sentry.Vfs;

namespace Sentry.Fs.TimerFd;

/// <summary>
/// A timer that is read (timerfd_create(2), fs/timerfd.c). With an interval it runs on when somebody looks, and
/// counts the expiries it missed then,
/// so that a timer nobody reads costs nothing.
/// </summary>
public sealed class TimerFdDescription : FileDescription
{
    private readonly AnonymousInode _inode;
    private readonly WaitQueue _queue = new();
    private readonly GuestKernel _kernel;
    private readonly GuestClock _clock;
    private readonly Expiry _timer;

    private readonly OrderedLock<TimerFdLevel> _lock = new();

    // Guarded by _lock. Times are of _clock, or of CLOCK_MONOTONIC for relative times, which setting the clock does
    // not move.
    private GuestClock _runningClock;
    private long _expiryNs;
    private long _intervalNs;
    private ulong _ticks;
    private bool _isArmed;
    private bool _isExpired;
    private int _setFlags;
    private int _seenSteps;

    /// <summary>A timer on the given clock, which is one of those timerfd_create(2) names; not set.</summary>
    public TimerFdDescription(GuestKernel kernel, in GuestClock clock, int statusFlags)
    {
        _kernel = kernel;
        _clock = _runningClock = clock;
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x180, 0, 0);
        _timer = new Expiry(this);
        Flags = Fcntl.O_RDWR | statusFlags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "anon_inode:[timerfd]";

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _queue;

    /// <summary>timerfd_settime(2): <paramref name="flags"/> are valid TFD_TIMER_* bits; what was set before.</summary>
    public TimerSetting Set(TimerSetting setting, int flags)
    {
        TimerBase timeBase = (flags & Timerfd.TFD_TIMER_ABSTIME) != 0 ? TimerBase.Absolute : TimerBase.Relative;
        using (_lock.Enter())
        {
            _kernel.Timers.Disarm(_timer);
            TimerSetting old = GetLocked();
            _setFlags = flags;
            _seenSteps = _kernel.Clock.RealtimeSteps;
            _ticks = 0;
            _isExpired = false;
            _intervalNs = setting.IntervalNs;
            _isArmed = setting.ValueNs != 0;
            _runningClock = timeBase == TimerBase.Relative && _clock.FollowsRealtime ? GuestClock.Monotonic : _clock;
            if (_isArmed)
            {
                long now = timeBase == TimerBase.Absolute ? 0 : NowLocked();
                _expiryNs = setting.ValueNs > long.MaxValue - now ? long.MaxValue : now + setting.ValueNs;
                ArmLocked();
            }

            return old;
        }
    }

    /// <summary>timerfd_gettime(2).</summary>
    public TimerSetting Get()
    {
        using (_lock.Enter())
        {
            return GetLocked();
        }
    }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        if (destination.Remaining < sizeof(ulong))
        {
            return Errno.EINVAL;
        }

        ulong ticks;
        using (_lock.Enter())
        {
            if (IsCanceledLocked())
            {
                _seenSteps = _kernel.Clock.RealtimeSteps;
                _ticks = 0;
                _isExpired = false;
                return Errno.ECANCELED;
            }

            if (_ticks == 0)
            {
                return Errno.EAGAIN;
            }

            RunOnLocked();
            ticks = _ticks;
            _ticks = 0;
            _isExpired = false;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, ticks);
        Errno error = destination.CopyOut(bytes, out int copied);
        done = error == Errno.None ? copied : 0;
        return error;
    }

    /// <summary>Does nothing, successfully (Linux's noop_llseek).</summary>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override uint Poll(Task task)
    {
        using (_lock.Enter())
        {
            return _ticks != 0 || IsCanceledLocked() ? Epoll.EPOLLIN | Epoll.EPOLLRDNORM : 0;
        }
    }

    /// <summary>TFD_IOC_SET_TICKS: the next read returns this number.</summary>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        if (command != Timerfd.TFD_IOC_SET_TICKS)
        {
            return Errno.ENOTTY;
        }

        Errno error = task.Mm.Read(new GuestAddress(argument), out ulong ticks);
        if (error != Errno.None || ticks == 0)
        {
            return error != Errno.None ? error : Errno.EINVAL;
        }

        using (_lock.Enter())
        {
            if (IsCanceledLocked())
            {
                return Errno.ECANCELED;
            }

            _ticks = ticks;
        }

        _queue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override void AppendInformation(Task reader, StringBuilder text)
    {
        TimerSetting setting;
        ulong ticks;
        int flags;
        using (_lock.Enter())
        {
            ticks = _ticks;
            flags = _setFlags;
            setting = new TimerSetting(RemainingLocked(), _intervalNs);
        }

        text.Append("clockid: ").Append(_clock.Id).Append("\nticks: ").Append(ticks);
        text.Append("\nsettime flags: 0").Append(Convert.ToString(flags, 8));
        AppendTime(text.Append("\nit_value: "), setting.ValueNs);
        AppendTime(text.Append("\nit_interval: "), setting.IntervalNs);
        text.Append('\n');
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        using (_lock.Enter())
        {
            _isArmed = false;
            _kernel.Timers.Disarm(_timer);
        }
    }

    private static void AppendTime(StringBuilder text, long ns)
    {
        const long NsPerSecond = 1_000_000_000;
        text.Append('(').Append(ns / NsPerSecond).Append(", ").Append(ns % NsPerSecond).Append(')');
    }

    private long NowLocked() => _runningClock.Read(_kernel.Clock);

    private bool IsCanceledLocked() =>
        (_setFlags & Timerfd.TFD_TIMER_CANCEL_ON_SET) != 0
        && (_setFlags & Timerfd.TFD_TIMER_ABSTIME) != 0
        && _clock.FollowsRealtime
        && _seenSteps != _kernel.Clock.RealtimeSteps;

    private TimerSetting GetLocked()
    {
        RunOnLocked();
        return new TimerSetting(RemainingLocked(), _intervalNs);
    }

    private long RemainingLocked() => _isArmed ? Math.Max(_expiryNs - NowLocked(), 0) : 0;

    /// <summary>After an expiry with an interval: counts the intervals since and sets the next.</summary>
    private void RunOnLocked()
    {
        if (_isExpired && _intervalNs != 0)
        {
            _isExpired = false;
            _ticks += (ulong)ProcessTimers.Forward(ref _expiryNs, _intervalNs, NowLocked()) - 1;
            _isArmed = true;
            ArmLocked();
        }
    }

    private void ArmLocked() => _kernel.Timers.Arm(_timer, _runningClock.ToMonotonic(_kernel.Clock, _expiryNs));

    private void Expire()
    {
        using (_lock.Enter())
        {
            if (!_isArmed || _isExpired)
            {
                return;
            }

            if (NowLocked() < _expiryNs)
            {
                // Set again meanwhile, or the clock was set back.
                ArmLocked();
                return;
            }

            _isExpired = true;
            _isArmed = false;
            _ticks++;
        }

        _queue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
    }

    private void ClockWasSet()
    {
        using (_lock.Enter())
        {
            if (_isArmed)
            {
                ArmLocked();
            }

            if (!IsCanceledLocked())
            {
                return;
            }
        }

        _queue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
    }

    /// <summary>The description's place in the kernel's timers.</summary>
    private sealed class Expiry(TimerFdDescription owner) : KernelTimer
    {
        public override bool FollowsRealtime => owner._clock.FollowsRealtime;

        public override void OnExpired(long nowNs) => owner.Expire();

        public override void OnRealtimeStepped() => owner.ClockWasSet();
    }
}
