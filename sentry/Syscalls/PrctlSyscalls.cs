using System;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using static Abi.Linux.Prctl;
using KernelCredentials = Sentry.Kernel.Credentials;

namespace Sentry.Syscalls;

/// <summary>prctl(2).</summary>
public static partial class PrctlSyscalls
{
    private const int NameBytes = 16;
    private const int GetAuxiliaryVector = 0x41555856;
    private const int DumpableRoot = 2;

    /// <summary>prctl(2): option and up to four arguments.</summary>
    public static SyscallResult Control(Task task, in SyscallArguments args)
    {
        switch (args.Int(0))
        {
            case PR_SET_PDEATHSIG:
                return args[1] > Signals.NSIG ? Errno.EINVAL : SetDeathSignal(task, (int)args[1]);
            case PR_GET_PDEATHSIG:
                return task.Mm.Write(args.Address(1), task.ParentDeathSignal);
            case PR_GET_DUMPABLE:
                return task.ThreadGroup.Dumpable;
            case PR_SET_DUMPABLE:
                return SetDumpable(task, args[1]);
            case PR_SET_NAME:
                return SetName(task, args.Address(1));
            case PR_GET_NAME:
                return GetName(task, args.Address(1));
            case PR_SET_TIMERSLACK:
                task.TimerSlackNs = args.Long(1) <= 0 ? Task.DefaultTimerSlackNs : args[1];
                return SyscallResult.Ok;
            case PR_GET_TIMERSLACK:
                return (long)Math.Min(task.TimerSlackNs, (ulong)long.MaxValue);
            case PR_SET_CHILD_SUBREAPER:
                task.ThreadGroup.IsChildSubreaper = args[1] != 0;
                return SyscallResult.Ok;
            case PR_GET_CHILD_SUBREAPER:
                return task.Mm.Write(args.Address(1), task.ThreadGroup.IsChildSubreaper ? 1 : 0);
            case PR_SET_NO_NEW_PRIVS:
                return args[1] != 1 || AnySet(args, 2) ? Errno.EINVAL : SetNoNewPrivileges(task);
            case PR_GET_NO_NEW_PRIVS:
                return AnySet(args, 1) ? Errno.EINVAL : task.NoNewPrivileges ? 1 : 0;
            case PR_GET_TID_ADDRESS:
                return task.Mm.Write(args.Address(1), task.ClearChildTid.Value);
            case GetAuxiliaryVector:
                return CopyAuxiliaryVector(task, args);
            case PR_SET_MM:
                return SetMemoryMap(task, args);
            default:
                return Capabilities(task, args);
        }
    }

    private static SyscallResult Capabilities(Task task, in SyscallArguments args)
    {
        KernelCredentials now = task.Credentials;
        switch (args.Int(0))
        {
            case PR_GET_KEEPCAPS:
                return (now.SecureBits & Securebits.SECBIT_KEEP_CAPS) != 0 ? 1 : 0;
            case PR_SET_KEEPCAPS:
                return SetKeepCapabilities(task, args[1]);
            case PR_CAPBSET_READ:
                return args[1] > Capability.CAP_LAST_CAP ? Errno.EINVAL : (long)(now.Bounding >> (int)args[1] & 1);
            case PR_CAPBSET_DROP:
                return DropBounding(task, args[1]);
            case PR_GET_SECUREBITS:
                return (long)now.SecureBits;
            case PR_SET_SECUREBITS:
                return SetSecureBits(task, args[1]);
            case PR_CAP_AMBIENT:
                return Ambient(task, args);
            default:
                return Machine(task, args);
        }
    }

    /// <summary>Options about the machine: what a sandbox can say about them.</summary>
    private static SyscallResult Machine(Task task, in SyscallArguments args)
    {
        switch (args.Int(0))
        {
            case PR_GET_TIMING:
                return PR_TIMING_STATISTICAL;
            case PR_SET_TIMING:
                return args[1] == PR_TIMING_STATISTICAL ? SyscallResult.Ok : Errno.EINVAL;
            case PR_GET_TSC:
                return task.Mm.Write(args.Address(1), PR_TSC_ENABLE);
            case PR_SET_TSC:
                return args[1] == PR_TSC_ENABLE ? SyscallResult.Ok : Errno.EINVAL;
            case PR_TASK_PERF_EVENTS_DISABLE or PR_TASK_PERF_EVENTS_ENABLE:
                return SyscallResult.Ok;
            case PR_MCE_KILL:
                return MachineCheckPolicy(args);
            case PR_MCE_KILL_GET:
                return AnySet(args, 1) ? Errno.EINVAL : PR_MCE_KILL_DEFAULT;
            case PR_SET_THP_DISABLE:
                return AnySet(args, 2) ? Errno.EINVAL : SetHugePages(task, args[1]);
            case PR_GET_THP_DISABLE:
                return AnySet(args, 1) ? Errno.EINVAL : task.ThreadGroup.HugePagesDisabled ? 1 : 0;
            case PR_GET_SPECULATION_CTRL:
                return AnySet(args, 2) ? Errno.EINVAL : args[1] <= PR_SPEC_L1D_FLUSH ? PR_SPEC_NOT_AFFECTED
                    : Errno.ENODEV;
            case PR_SET_SPECULATION_CTRL:
                return args[1] <= PR_SPEC_L1D_FLUSH ? Errno.ENXIO : Errno.ENODEV;
            case PR_GET_IO_FLUSHER or PR_SET_IO_FLUSHER:
                return task.Credentials.IsCapable(Capability.CAP_SYS_RESOURCE) ? Errno.EINVAL : Errno.EPERM;
            case PR_GET_SECCOMP:
                return task.SeccompState?.Mode ?? 0;
            case PR_SET_SECCOMP:
                return SeccompSyscalls.SetMode(task, args[1], args.Address(2));
            default:
                return Errno.EINVAL;
        }
    }

    private static bool AnySet(in SyscallArguments args, int from)
    {
        ulong any = 0;
        for (int i = from; i < 5; i++)
        {
            any |= args[i];
        }

        return any != 0;
    }

    private static SyscallResult SetDeathSignal(Task task, int signal)
    {
        task.ParentDeathSignal = signal;
        return SyscallResult.Ok;
    }

    private static SyscallResult SetDumpable(Task task, ulong value)
    {
        if (value >= DumpableRoot)
        {
            return Errno.EINVAL;
        }

        task.ThreadGroup.Dumpable = (int)value;
        return SyscallResult.Ok;
    }

    private static SyscallResult SetNoNewPrivileges(Task task)
    {
        task.NoNewPrivileges = true;
        return SyscallResult.Ok;
    }

    private static SyscallResult SetHugePages(Task task, ulong disabled)
    {
        task.ThreadGroup.HugePagesDisabled = disabled != 0;
        return SyscallResult.Ok;
    }

    private static SyscallResult SetName(Task task, GuestAddress address)
    {
        Span<char> name = stackalloc char[NameBytes];
        Errno errno = task.Mm.ReadString(address, name, out int length);
        if (errno is not (Errno.None or Errno.ENAMETOOLONG))
        {
            return errno;
        }

        if (errno == Errno.None)
        {
            task.Name = new string(name[..length]);
            return SyscallResult.Ok;
        }

        Span<byte> bytes = stackalloc byte[NameBytes - 1];
        errno = task.Mm.CopyIn(address, bytes);
        task.Name = errno == Errno.None ? Encoding.Latin1.GetString(bytes) : task.Name;
        return errno;
    }

    private static SyscallResult GetName(Task task, GuestAddress address)
    {
        Span<byte> bytes = stackalloc byte[NameBytes];
        bytes.Clear();
        Encoding.Latin1.GetBytes(task.Name, bytes);
        return task.Mm.CopyOut(address, bytes);
    }

    private static SyscallResult CopyAuxiliaryVector(Task task, in SyscallArguments args)
    {
        if (args[3] != 0 || args[4] != 0)
        {
            return Errno.EINVAL;
        }

        byte[] vector = task.Mm.Image.AuxiliaryVector ?? [];
        int length = (int)Math.Min(args[2], (ulong)vector.Length);
        return SyscallResult.From(task.Mm.CopyOut(args.Address(1), vector.AsSpan(0, length)), vector.Length);
    }

    private static SyscallResult MachineCheckPolicy(in SyscallArguments args)
    {
        if (args[3] != 0 || args[4] != 0)
        {
            return Errno.EINVAL;
        }

        return args[1] switch
        {
            PR_MCE_KILL_CLEAR => args[2] == 0 ? SyscallResult.Ok : Errno.EINVAL,
            PR_MCE_KILL_SET => args[2] <= PR_MCE_KILL_DEFAULT ? SyscallResult.Ok : Errno.EINVAL,
            _ => Errno.EINVAL,
        };
    }
}
