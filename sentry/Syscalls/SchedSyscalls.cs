using System;
using System.Buffers.Binary;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Scheduling (sched(7)): policies are kept and reported, the host schedules.</summary>
public static class SchedSyscalls
{
    private const int MaxRealTimePriority = 99;
    private const int SchedAttrFirstBytes = 48;
    private const int SchedAttrBytes = 56;
    private const int BitsPerWord = 64;

    /// <summary>sched_yield(2).</summary>
    public static SyscallResult Yield(Task task, in SyscallArguments args)
    {
        HostSched.Yield();
        return SyscallResult.Ok;
    }

    /// <summary>getcpu(2): cpu, node.</summary>
    public static SyscallResult GetCpu(Task task, in SyscallArguments args)
    {
        uint cpu = (uint)task.Kernel.HostCpus.Current;
        Errno errno = args.Address(0).IsNull ? Errno.None : task.Mm.Write(args.Address(0), cpu);
        return errno != Errno.None || args.Address(1).IsNull ? errno : task.Mm.Write(args.Address(1), 0);
    }

    /// <summary>sched_setaffinity(2): thread, size, mask.</summary>
    public static SyscallResult SetAffinity(Task task, in SyscallArguments args)
    {
        Task? target = Find(task, args.Int(0));
        ulong[] mask = new ulong[WordsFor(task)];
        int bytes = (int)Math.Min(args.UInt(1), (uint)(mask.Length * sizeof(ulong)));
        Span<byte> buffer = stackalloc byte[bytes];
        Errno errno = task.Mm.CopyIn(args.Address(2), buffer);
        if (errno != Errno.None || target is null)
        {
            return errno != Errno.None ? errno : Errno.ESRCH;
        }

        if (!MayChange(task, target))
        {
            return Errno.EPERM;
        }

        ulong[] all = SchedulingState.AllCpus(task.Kernel.CpuCount);
        ulong any = 0;
        for (int i = 0; i < bytes; i++)
        {
            mask[i / sizeof(ulong)] |= (ulong)buffer[i] << (8 * (i % sizeof(ulong)));
        }

        for (int i = 0; i < mask.Length; i++)
        {
            mask[i] &= all[i];
            any |= mask[i];
        }

        if (any == 0)
        {
            return Errno.EINVAL;
        }

        target.Scheduling = target.Scheduling with { Affinity = mask };
        target.ApplyAffinity();
        return SyscallResult.Ok;
    }

    /// <summary>sched_getaffinity(2): the number of bytes written.</summary>
    public static SyscallResult GetAffinity(Task task, in SyscallArguments args)
    {
        Task? target = Find(task, args.Int(0));
        ulong[] mask = target?.Scheduling.Affinity ?? [];
        int needed = WordsFor(task) * sizeof(ulong);
        uint size = args.UInt(1);
        if (size < (uint)needed || (size & (sizeof(ulong) - 1)) != 0)
        {
            return Errno.EINVAL;
        }

        if (target is null)
        {
            return Errno.ESRCH;
        }

        Span<byte> buffer = stackalloc byte[needed];
        for (int i = 0; i < mask.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(buffer[(i * sizeof(ulong))..], mask[i]);
        }

        return SyscallResult.From(task.Mm.CopyOut(args.Address(2), buffer), needed);
    }

    /// <summary>sched_setscheduler(2): thread, policy, parameters.</summary>
    public static SyscallResult SetScheduler(Task task, in SyscallArguments args)
    {
        if (args.Int(1) < 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = ReadParameters(task, args.Int(0), args.Address(2), out Task? target, out int priority);
        return errno != Errno.None ? errno : Change(task, target!, args.Int(1), priority, target!.Scheduling.Nice);
    }

    /// <summary>sched_getscheduler(2).</summary>
    public static SyscallResult GetScheduler(Task task, in SyscallArguments args)
    {
        if (args.Int(0) < 0)
        {
            return Errno.EINVAL;
        }

        SchedulingState? state = Find(task, args.Int(0))?.Scheduling;
        return state is null ? Errno.ESRCH : state.Policy | (state.ResetOnFork ? Sched.SCHED_RESET_ON_FORK : 0);
    }

    /// <summary>sched_setparam(2).</summary>
    public static SyscallResult SetParam(Task task, in SyscallArguments args)
    {
        Errno errno = ReadParameters(task, args.Int(0), args.Address(1), out Task? target, out int priority);
        if (errno != Errno.None)
        {
            return errno;
        }

        SchedulingState now = target!.Scheduling;
        return Change(task, target, now.Policy | (now.ResetOnFork ? Sched.SCHED_RESET_ON_FORK : 0), priority, now.Nice);
    }

    /// <summary>sched_getparam(2).</summary>
    public static SyscallResult GetParam(Task task, in SyscallArguments args)
    {
        if (args.Address(1).IsNull || args.Int(0) < 0)
        {
            return Errno.EINVAL;
        }

        Task? target = Find(task, args.Int(0));
        return target is null ? Errno.ESRCH : task.Mm.Write(args.Address(1), target.Scheduling.Priority);
    }

    /// <summary>sched_get_priority_max(2).</summary>
    public static SyscallResult GetPriorityMax(Task task, in SyscallArguments args) =>
        IsRealTime(args.Int(0)) ? MaxRealTimePriority : IsNormal(args.Int(0)) || args.Int(0) == Sched.SCHED_DEADLINE
            ? 0 : Errno.EINVAL;

    /// <summary>sched_get_priority_min(2).</summary>
    public static SyscallResult GetPriorityMin(Task task, in SyscallArguments args) =>
        IsRealTime(args.Int(0)) ? 1 : IsNormal(args.Int(0)) || args.Int(0) == Sched.SCHED_DEADLINE ? 0 : Errno.EINVAL;

    /// <summary>sched_rr_get_interval(2): Linux's default slice for round robin, 0 for FIFO.</summary>
    public static SyscallResult RrGetInterval(Task task, in SyscallArguments args)
    {
        const long RoundRobinNs = 100_000_000;
        const long NormalNs = 4_000_000;
        if (args.Int(0) < 0)
        {
            return Errno.EINVAL;
        }

        SchedulingState? state = Find(task, args.Int(0))?.Scheduling;
        if (state is null)
        {
            return Errno.ESRCH;
        }

        long slice = state.Policy switch
        {
            Sched.SCHED_FIFO => 0,
            Sched.SCHED_RR => RoundRobinNs,
            _ => NormalNs,
        };
        return task.Mm.Write(args.Address(1), new Timespec { tv_nsec = slice });
    }

    /// <summary>sched_setattr(2): thread, attributes, flags.</summary>
    public static SyscallResult SetAttr(Task task, in SyscallArguments args)
    {
        if (args.Address(1).IsNull || args.Int(0) < 0 || args.UInt(2) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(args.Address(1), out uint size);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (size is not 0 and (< SchedAttrFirstBytes or > GuestAddressPage))
        {
            errno = task.Mm.Write(args.Address(1), (uint)SchedAttrBytes);
            return errno != Errno.None ? errno : Errno.E2BIG;
        }

        errno = task.Mm.Read(args.Address(1), out SchedAttr attributes);
        Task? target = Find(task, args.Int(0));
        if (errno != Errno.None || target is null)
        {
            return errno != Errno.None ? errno : Errno.ESRCH;
        }

        if ((attributes.sched_flags & ~Sched.SCHED_FLAG_ALL) != 0)
        {
            return Errno.EINVAL;
        }

        bool keepsPolicy = (attributes.sched_flags & Sched.SCHED_FLAG_KEEP_POLICY) != 0;
        int policy = keepsPolicy ? target.Scheduling.Policy : (int)attributes.sched_policy;
        policy |= (attributes.sched_flags & Sched.SCHED_FLAG_RESET_ON_FORK) != 0 ? Sched.SCHED_RESET_ON_FORK : 0;
        return policy < 0 ? Errno.EINVAL : Change(task, target, policy, (int)attributes.sched_priority,
            attributes.sched_nice);
    }

    /// <summary>sched_getattr(2): thread, attributes, size, flags.</summary>
    public static SyscallResult GetAttr(Task task, in SyscallArguments args)
    {
        uint size = args.UInt(2);
        if (args.Address(1).IsNull || args.Int(0) < 0 || size is < SchedAttrFirstBytes or > GuestAddressPage
            || args.UInt(3) != 0)
        {
            return Errno.EINVAL;
        }

        Task? target = Find(task, args.Int(0));
        if (target is null)
        {
            return Errno.ESRCH;
        }

        SchedulingState state = target.Scheduling;
        SchedAttr result = new()
        {
            size = Math.Min(size, SchedAttrBytes),
            sched_policy = (uint)state.Policy,
            sched_flags = state.ResetOnFork ? Sched.SCHED_FLAG_RESET_ON_FORK : 0,
            sched_nice = IsNormal(state.Policy) ? state.Nice : 0,
            sched_priority = (uint)state.Priority,
            sched_util_max = 1024,
        };
        return size >= SchedAttrBytes ? task.Mm.Write(args.Address(1), result)
            : WriteFirstVersion(task, args.Address(1), result);
    }

    private const uint GuestAddressPage = 4096;

    /// <summary>The 48 bytes of the first version of struct sched_attr.</summary>
    private static Errno WriteFirstVersion(Task task, GuestAddress address, in SchedAttr attributes)
    {
        Span<byte> bytes = stackalloc byte[SchedAttrFirstBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, attributes.size);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], attributes.sched_policy);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], attributes.sched_flags);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[16..], attributes.sched_nice);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[20..], attributes.sched_priority);
        return task.Mm.CopyOut(address, bytes);
    }

    private static Errno ReadParameters(Task task, int pid, GuestAddress address, out Task? target, out int priority)
    {
        target = null;
        priority = 0;
        if (address.IsNull || pid < 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(address, out priority);
        target = Find(task, pid);
        return errno != Errno.None ? errno : target is null ? Errno.ESRCH : Errno.None;
    }

    /// <summary>Rules of sched_setscheduler(2) (kernel/sched/syscalls.c, __sched_setscheduler).</summary>
    private static Errno Change(Task task, Task target, int policyAndFlag, int priority, int nice)
    {
        int policy = policyAndFlag & ~Sched.SCHED_RESET_ON_FORK;
        bool reset = (policyAndFlag & Sched.SCHED_RESET_ON_FORK) != 0;
        bool realTime = IsRealTime(policy);
        bool isKnown = (realTime || IsNormal(policy)) && (realTime ? priority is >= 1 and <= MaxRealTimePriority
            : priority == 0);
        if (!isKnown)
        {
            return Errno.EINVAL;
        }

        bool capable = task.Credentials.IsCapable(Capability.CAP_SYS_NICE);
        ulong limit = target.ThreadGroup.Limits.Soft(Resource.RLIMIT_RTPRIO);
        bool raises = realTime && (ulong)priority > limit && !(target.Scheduling.Policy == policy
            && priority <= target.Scheduling.Priority);
        bool drops = target.Scheduling.ResetOnFork && !reset;
        if (!capable && (!MayChange(task, target) || raises || drops || (!realTime && nice < target.Scheduling.Nice)))
        {
            return Errno.EPERM;
        }

        target.Scheduling = target.Scheduling with
        {
            Policy = policy,
            Priority = priority,
            Nice = realTime ? target.Scheduling.Nice : Math.Clamp(nice, Resource.PRIO_MIN, Resource.PRIO_MAX - 1),
            ResetOnFork = reset,
        };
        target.UpdateRealTimeLimit();
        return Errno.None;
    }

    private static bool MayChange(Task task, Task target)
    {
        uint uid = task.Credentials.EffectiveUid;
        return uid == target.Credentials.EffectiveUid || uid == target.Credentials.RealUid
            || task.Credentials.HasCapability(Capability.CAP_SYS_NICE, target.Credentials.UserNamespace);
    }

    private static bool IsRealTime(int policy) => policy is Sched.SCHED_FIFO or Sched.SCHED_RR;

    private static bool IsNormal(int policy) => policy is Sched.SCHED_NORMAL or Sched.SCHED_BATCH or Sched.SCHED_IDLE;

    private static int WordsFor(Task task) => (task.Kernel.CpuCount + BitsPerWord - 1) / BitsPerWord;

    private static Task? Find(Task task, int pid) => pid == 0 ? task : task.PidNamespace.FindTask(pid);
}
