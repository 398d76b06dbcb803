using System.Threading;
using Sentry.Time;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private readonly KernelClock _clock;

    // Written by the own thread, read by any: 64-bit stores are atomic. The stamp, in ticks of the clock, is the start
    // of the current stretch, in guest code when _isInGuest.
    private long _userNs;
    private long _systemNs;
    private long _stamp;
    private long _reportedNs;
    private ResourceCounters _counters;

    /// <summary>Counters of getrusage(2); written by the own thread, read by any at small risk of a torn
    /// pair.</summary>
    public ref ResourceCounters Counters => ref _counters;

    /// <summary>CPU time so far, the current stretch in guest code included. Any thread; never goes back.</summary>
    public CpuTimes GetCpuTimes()
    {
        CpuTimes result = new() { UserNs = Volatile.Read(ref _userNs), SystemNs = Volatile.Read(ref _systemNs) };
        long stamp = Volatile.Read(ref _stamp);
        long current = stamp != 0 && State == TaskState.Running ? _clock.NsOf(_clock.Ticks - stamp) : 0;
        if (current > 0 && Volatile.Read(ref _isInGuest))
        {
            result.UserNs += current;
        }
        else if (current > 0)
        {
            result.SystemNs += current;
        }

        return Monotonic(result);
    }

    /// <summary>The task enters guest code.</summary>
    private void EnterGuestTime()
    {
        long now = _clock.Ticks;
        Volatile.Write(ref _systemNs, _systemNs + _clock.NsOf(now - _stamp));
        Volatile.Write(ref _stamp, now);
        ResumeCpuTimers();
    }

    /// <summary>The task is back from guest code.</summary>
    private void LeaveGuestTime()
    {
        long now = _clock.Ticks;
        Volatile.Write(ref _userNs, _userNs + _clock.NsOf(now - _stamp));
        Volatile.Write(ref _stamp, now);
    }

    private void StartCpuTime() => _stamp = _clock.Ticks;

    private void StopCpuTime()
    {
        Volatile.Write(ref _systemNs, _systemNs + _clock.NsOf(_clock.Ticks - _stamp));
        Volatile.Write(ref _stamp, 0);
    }

    private void ExcludeSleep(long sleepStart)
    {
        _counters.VoluntarySwitches++;
        Volatile.Write(ref _stamp, _stamp + (_clock.Ticks - sleepStart));
    }

    /// <summary>A reader may see the sums of one moment and the stamp of another: never report less than
    /// before.</summary>
    private CpuTimes Monotonic(CpuTimes times)
    {
        long reported = Volatile.Read(ref _reportedNs);
        long missing = reported - times.TotalNs;
        if (missing > 0)
        {
            times.SystemNs += missing;
            return times;
        }

        Interlocked.CompareExchange(ref _reportedNs, times.TotalNs, reported);
        return times;
    }
}
