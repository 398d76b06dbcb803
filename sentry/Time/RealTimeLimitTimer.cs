using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Time;

/// <summary>
/// RLIMIT_RTTIME of one task: microseconds that it may compute under a real-time policy without a sleep. SIGXCPU at the
/// soft limit and every second after it, SIGKILL at the hard one (getrlimit(2)). Guarded by the signal lock.
/// </summary>
internal sealed class RealTimeLimitTimer(ProcessTimers owner, Task task) : CpuTimer(
    new CpuTimeSource(owner.Group, task, CpuMeasure.Total))
{
    private const long NsPerUs = 1000;
    private const ulong UsPerSecond = 1_000_000;

    internal override void OnExpired()
    {
        ThreadGroup group = owner.Group;
        using (group.SignalLock.Enter())
        {
            if (!task.HasRealTimeLimit || task.IsExiting)
            {
                return;
            }

            Rlimit limit = group.Limits.Get(Resource.RLIMIT_RTTIME);
            ulong usedUs = (ulong)Math.Max(0, Source.ReadLocked() - task.LastWakeCpuNs) / NsPerUs;
            if (usedUs >= limit.rlim_max)
            {
                group.SendLocked(SigInfos.FromKernel(Signals.SIGKILL), SignalForce.Kernel, null);
                return;
            }

            if (usedUs >= limit.rlim_cur)
            {
                group.SendLocked(SigInfos.FromKernel(Signals.SIGXCPU), SignalForce.Kernel, task);
                limit.rlim_cur = Math.Min(limit.rlim_cur + UsPerSecond, limit.rlim_max);
                group.Limits.Set(Resource.RLIMIT_RTTIME, limit);
            }

            UpdateLocked();
        }
    }

    internal void UpdateLocked()
    {
        Rlimit limit = owner.Group.Limits.Get(Resource.RLIMIT_RTTIME);
        ulong us = Math.Min(limit.rlim_cur, limit.rlim_max);
        if (!task.HasRealTimeLimit || task.IsExiting || us > (ulong)(long.MaxValue / NsPerUs / 2))
        {
            owner.Cpu.Remove(this);
            return;
        }

        owner.Cpu.Set(this, task.LastWakeCpuNs + ((long)us * NsPerUs), Source.ReadLocked());
    }
}
