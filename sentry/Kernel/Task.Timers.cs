using System.Threading;
using Abi.Linux;
using Sentry.Time;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private RealTimeLimitTimer? _realTimeLimit;
    private long _lastWakeCpuNs;

    /// <summary>RLIMIT_RTTIME binds it: a real-time policy and a limit. Any thread.</summary>
    internal bool HasRealTimeLimit => Scheduling.Policy is Sched.SCHED_FIFO or Sched.SCHED_RR
        && ThreadGroup.Limits.Soft(Resource.RLIMIT_RTTIME) != Resource.RLIM_INFINITY;

    /// <summary>Its CPU time when it last woke; kept only while RLIMIT_RTTIME binds it.</summary>
    internal long LastWakeCpuNs => Volatile.Read(ref _lastWakeCpuNs);

    /// <summary>Its policy or RLIMIT_RTTIME changed or was inherited: the timer follows. Any thread.</summary>
    internal void UpdateRealTimeLimit()
    {
        if (_realTimeLimit is null && !HasRealTimeLimit)
        {
            return;
        }

        ProcessTimers timers = ThreadGroup.EnsureTimers();
        using (ThreadGroup.SignalLock.Enter())
        {
            if (_realTimeLimit is null)
            {
                Volatile.Write(ref _lastWakeCpuNs, GetCpuTimes().TotalNs);
                _realTimeLimit = new RealTimeLimitTimer(timers, this);
            }

            _realTimeLimit.UpdateLocked();
        }
    }

    private void NoteRealTimeWake()
    {
        if (_realTimeLimit is not null)
        {
            Volatile.Write(ref _lastWakeCpuNs, GetCpuTimes().TotalNs);
        }
    }

    partial void OnExitTimers()
    {
        if (_realTimeLimit is { } limit)
        {
            ThreadGroup.Timers!.Cpu.Remove(limit);
        }

        if (ThreadGroup.Timers is { } timers && ThreadGroup.LiveTasks == 0)
        {
            timers.OnExit();
        }
    }

    partial void OnExecTimers() => ThreadGroup.Timers?.OnExec();

    /// <summary>CPU-time timers that waited for a task of the process to run: this one does.</summary>
    private void ResumeCpuTimers()
    {
        if (ThreadGroup.Timers is { Cpu: { IsParked: true } cpu })
        {
            cpu.Unpark();
        }
    }
}
