using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Time;

// timer_create(2) and its kin.
public sealed partial class ProcessTimers
{
    private readonly Dictionary<int, PosixTimer> _posix = new();
    private int _nextId;

    /// <summary>Ids of the POSIX timers, for /proc/pid/timers and tests.</summary>
    internal int PosixCount
    {
        get
        {
            using (Group.SignalLock.Enter())
            {
                return _posix.Count;
            }
        }
    }

    /// <summary>timer_create(2): EAGAIN when signals cannot be queued for it.</summary>
    internal Errno Create(Task task, in GuestClock clock, in TimerNotification notification, out PosixTimer? timer)
    {
        timer = null;
        UserAccount account = task.Account;
        if (!account.TryAddSignal(Group.Limits.Soft(Resource.RLIMIT_SIGPENDING)))
        {
            return Errno.EAGAIN;
        }

        using (Group.SignalLock.Enter())
        {
            while (_posix.ContainsKey(_nextId))
            {
                _nextId = NextId(_nextId);
            }

            timer = new PosixTimer(this, _nextId, clock, notification, account);
            _posix.Add(_nextId, timer);
            _nextId = NextId(_nextId);
        }

        return Errno.None;
    }

    /// <summary>timer_settime(2): EINVAL when there is no such timer.</summary>
    internal Errno Set(int id, TimerSetting setting, TimerBase timeBase, out TimerSetting old)
    {
        using (Group.SignalLock.Enter())
        {
            old = default;
            if (!_posix.TryGetValue(id, out PosixTimer? timer))
            {
                return Errno.EINVAL;
            }

            old = timer.GetLocked();
            timer.SetLocked(setting, timeBase);
            return Errno.None;
        }
    }

    /// <summary>timer_gettime(2).</summary>
    internal Errno Get(int id, out TimerSetting setting)
    {
        using (Group.SignalLock.Enter())
        {
            bool exists = _posix.TryGetValue(id, out PosixTimer? timer);
            setting = exists ? timer!.GetLocked() : default;
            return exists ? Errno.None : Errno.EINVAL;
        }
    }

    /// <summary>timer_getoverrun(2).</summary>
    internal Errno GetOverrun(int id, out int overrun)
    {
        using (Group.SignalLock.Enter())
        {
            bool exists = _posix.TryGetValue(id, out PosixTimer? timer);
            overrun = exists ? timer!.LastOverrun : 0;
            return exists ? Errno.None : Errno.EINVAL;
        }
    }

    /// <summary>timer_delete(2).</summary>
    internal Errno Delete(int id)
    {
        using (Group.SignalLock.Enter())
        {
            if (!_posix.Remove(id, out PosixTimer? timer))
            {
                return Errno.EINVAL;
            }

            timer.ReleaseLocked();
            return Errno.None;
        }
    }

    /// <summary>
    /// The action of a signal is no longer to ignore it: timers whose expiry was ignored send it now (kernel/signal.c,
    /// posixtimer_sig_unignore).
    /// </summary>
    internal void OnUnignoredLocked(int signal)
    {
        foreach (PosixTimer timer in _posix.Values)
        {
            timer.OnUnignoredLocked(signal);
        }
    }

    private static int NextId(int id) => id == int.MaxValue ? 0 : id + 1;

    private void DeleteAllLocked()
    {
        foreach (PosixTimer timer in _posix.Values)
        {
            timer.ReleaseLocked();
        }

        _posix.Clear();
        _nextId = 0;
    }
}
