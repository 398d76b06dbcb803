using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using KernelCredentials = Sentry.Kernel.Credentials;

namespace Sentry.Syscalls;

/// <summary>Limits, usage, times, priorities (getrlimit(2), getrusage(2), times(2), getpriority(2)).</summary>
public static class LimitSyscalls
{
    private const ulong MaxOpenFiles = 1048576;
    private const long NsPerTick = 1_000_000_000 / ClockTick.HZ;
    private const int NiceBase = 20;

    /// <summary>getrlimit(2).</summary>
    public static SyscallResult GetRLimit(Task task, in SyscallArguments args)
    {
        uint resource = args.UInt(0);
        return resource >= Resource.RLIM_NLIMITS
            ? Errno.EINVAL
            : task.Mm.Write(args.Address(1), task.ThreadGroup.Limits.Get((int)resource));
    }

    /// <summary>setrlimit(2).</summary>
    public static SyscallResult SetRLimit(Task task, in SyscallArguments args)
    {
        uint resource = args.UInt(0);
        Errno errno = task.Mm.Read(args.Address(1), out Rlimit limit);
        if (errno != Errno.None)
        {
            return errno;
        }

        return resource >= Resource.RLIM_NLIMITS ? Errno.EINVAL : Set(task, task.ThreadGroup, (int)resource, limit);
    }

    /// <summary>prlimit64(2): process, resource, new limit, old limit.</summary>
    public static SyscallResult PrLimit64(Task task, in SyscallArguments args)
    {
        uint resource = args.UInt(1);
        if (resource >= Resource.RLIM_NLIMITS)
        {
            return Errno.EINVAL;
        }

        Errno errno = Errno.None;
        Rlimit wanted = default;
        if (!args.Address(2).IsNull)
        {
            errno = task.Mm.Read(args.Address(2), out wanted);
        }

        Task? target = args.Int(0) == 0 ? task : task.PidNamespace.FindTask(args.Int(0));
        if (errno != Errno.None || target is null)
        {
            return errno != Errno.None ? errno : Errno.ESRCH;
        }

        if (target.ThreadGroup != task.ThreadGroup && !MayChange(task, target))
        {
            return Errno.EPERM;
        }

        Rlimit old = target.ThreadGroup.Limits.Get((int)resource);
        errno = args.Address(2).IsNull ? Errno.None : Set(task, target.ThreadGroup, (int)resource, wanted);
        return errno != Errno.None || args.Address(3).IsNull ? errno : task.Mm.Write(args.Address(3), old);
    }

    /// <summary>getrusage(2).</summary>
    public static SyscallResult GetRUsage(Task task, in SyscallArguments args)
    {
        task.NotePeakMemory();
        ThreadGroup group = task.ThreadGroup;
        switch (args.Int(0))
        {
            case Resource.RUSAGE_SELF:
                return task.Mm.Write(args.Address(1), Usage.From(group.GetCpuTimes(), group.GetCounters()));
            case Resource.RUSAGE_CHILDREN:
                return task.Mm.Write(args.Address(1), Usage.From(group.GetChildrenCpuTimes(),
                    group.GetChildrenCounters()));
            case Resource.RUSAGE_THREAD:
                return task.Mm.Write(args.Address(1), Usage.From(task.GetCpuTimes(), task.Counters));
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>times(2): the result is a time in ticks since an arbitrary point.</summary>
    public static SyscallResult Times(Task task, in SyscallArguments args)
    {
        if (!args.Address(0).IsNull)
        {
            CpuTimes own = task.ThreadGroup.GetCpuTimes();
            CpuTimes children = task.ThreadGroup.GetChildrenCpuTimes();
            Tms times = new()
            {
                tms_utime = own.UserNs / NsPerTick,
                tms_stime = own.SystemNs / NsPerTick,
                tms_cutime = children.UserNs / NsPerTick,
                tms_cstime = children.SystemNs / NsPerTick,
            };
            Errno errno = task.Mm.Write(args.Address(0), times);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return task.Kernel.MonotonicNowNs / NsPerTick;
    }

    /// <summary>getpriority(2): 20 less the lowest nice value, so that it is never negative.</summary>
    public static SyscallResult GetPriority(Task task, in SyscallArguments args)
    {
        Errno errno = PriorityTargets(task, args.Int(0), args.Int(1), out List<Task> targets);
        if (errno != Errno.None)
        {
            return errno;
        }

        int best = 0;
        foreach (Task target in targets)
        {
            best = System.Math.Max(best, NiceBase - target.Scheduling.Nice);
        }

        return targets.Count == 0 ? Errno.ESRCH : best;
    }

    /// <summary>setpriority(2).</summary>
    public static SyscallResult SetPriority(Task task, in SyscallArguments args)
    {
        int nice = System.Math.Clamp(args.Int(2), Resource.PRIO_MIN, Resource.PRIO_MAX - 1);
        Errno errno = PriorityTargets(task, args.Int(0), args.Int(1), out List<Task> targets);
        if (errno != Errno.None)
        {
            return errno;
        }

        Errno result = Errno.ESRCH;
        foreach (Task target in targets)
        {
            errno = SetNice(task, target, nice);
            result = errno != Errno.None ? errno : result == Errno.ESRCH ? Errno.None : result;
        }

        return result;
    }

    /// <summary>ioprio_get(2).</summary>
    public static SyscallResult IoPrioGet(Task task, in SyscallArguments args)
    {
        Errno errno = PriorityTargets(task, args.Int(0) - 1, args.Int(1), out List<Task> targets);
        return errno != Errno.None ? errno : targets.Count == 0 ? Errno.ESRCH : targets[0].Scheduling.IoPriority;
    }

    /// <summary>ioprio_set(2): stored and reported.</summary>
    public static SyscallResult IoPrioSet(Task task, in SyscallArguments args)
    {
        const int ClassShift = 13;
        const int RealTimeClass = 1;
        const int LastClass = 3;
        const int ClassMask = 7;
        int value = args.Int(2);
        int level = value & ((1 << ClassShift) - 1);
        int kind = (value >> ClassShift) & ClassMask;
        if (kind > LastClass || (kind == 0 && level != 0) || (kind < LastClass && (level & 7) != level))
        {
            return Errno.EINVAL;
        }

        if (kind == RealTimeClass && !task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN)
            && !task.Credentials.IsCapable(Capability.CAP_SYS_NICE))
        {
            return Errno.EPERM;
        }

        Errno errno = PriorityTargets(task, args.Int(0) - 1, args.Int(1), out List<Task> targets);
        foreach (Task target in targets)
        {
            target.Scheduling = target.Scheduling with { IoPriority = value };
        }

        return errno != Errno.None ? errno : targets.Count == 0 ? Errno.ESRCH : Errno.None;
    }

    /// <summary>Rules of setrlimit(2): the soft limit below the hard one, the hard one raised only with
    /// CAP_SYS_RESOURCE.</summary>
    private static Errno Set(Task task, ThreadGroup target, int resource, in Rlimit wanted)
    {
        Rlimit old = target.Limits.Get(resource);
        if (wanted.rlim_cur > wanted.rlim_max)
        {
            return Errno.EINVAL;
        }

        if (resource == Resource.RLIMIT_NOFILE && wanted.rlim_max > MaxOpenFiles)
        {
            return Errno.EPERM;
        }

        if (wanted.rlim_max > old.rlim_max && !task.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE))
        {
            return Errno.EPERM;
        }

        target.Limits.Set(resource, wanted);
        target.LimitChanged(resource);
        return Errno.None;
    }

    private static bool MayChange(Task task, Task target)
    {
        KernelCredentials mine = task.Credentials;
        KernelCredentials theirs = target.Credentials;
        bool same = mine.RealUid == theirs.EffectiveUid && mine.RealUid == theirs.SavedUid
            && mine.RealUid == theirs.RealUid
            && mine.RealGid == theirs.EffectiveGid && mine.RealGid == theirs.SavedGid && mine.RealGid == theirs.RealGid;
        return same || mine.HasCapability(Capability.CAP_SYS_RESOURCE, theirs.UserNamespace);
    }

    private static Errno PriorityTargets(Task task, int which, int who, out List<Task> targets)
    {
        targets = new List<Task>();
        switch (which)
        {
            case Resource.PRIO_PROCESS:
                Task? one = who == 0 ? task : task.PidNamespace.FindTask(who);
                if (one is not null)
                {
                    targets.Add(one);
                }

                return Errno.None;
            case Resource.PRIO_PGRP:
                ProcessGroup? group = who == 0 ? task.ThreadGroup.ProcessGroup
                    : task.PidNamespace.Find(who)?.ProcessGroup;
                group?.CollectTasks(task.Kernel, targets);
                return Errno.None;
            case Resource.PRIO_USER:
                uint uid = who == 0 ? task.Credentials.RealUid : task.Credentials.UserNamespace.ToKernelUid((uint)who);
                task.Kernel.CollectTasks(targets);
                targets.RemoveAll(other => other.Credentials.RealUid != uid);
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    private static Errno SetNice(Task task, Task target, int nice)
    {
        KernelCredentials mine = task.Credentials;
        KernelCredentials theirs = target.Credentials;
        bool capable = mine.HasCapability(Capability.CAP_SYS_NICE, theirs.UserNamespace);
        if (mine.EffectiveUid != theirs.RealUid && mine.EffectiveUid != theirs.EffectiveUid && !capable)
        {
            return Errno.EPERM;
        }

        ulong floor = target.ThreadGroup.Limits.Soft(Resource.RLIMIT_NICE);
        bool allowed = nice >= target.Scheduling.Nice || mine.IsCapable(Capability.CAP_SYS_NICE)
            || (ulong)(NiceBase - nice) <= floor;
        if (!allowed)
        {
            return Errno.EACCES;
        }

        target.Scheduling = target.Scheduling with { Nice = nice };
        return Errno.None;
    }
}
