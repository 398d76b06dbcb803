using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Identity and life of processes: getpid(2), clone(2), exit(2) and their kin.</summary>
public static class ProcessSyscalls
{
    private const int CloneArgsMaxBytes = 4096;

    /// <summary>getpid(2).</summary>
    public static SyscallResult GetPid(Task task, in SyscallArguments args) => task.ThreadGroup.Id;

    /// <summary>gettid(2).</summary>
    public static SyscallResult GetTid(Task task, in SyscallArguments args) => task.Tid;

    /// <summary>getppid(2).</summary>
    public static SyscallResult GetPpid(Task task, in SyscallArguments args) => task.ThreadGroup.ParentId;

    /// <summary>exit(2): this thread alone.</summary>
    public static SyscallResult Exit(Task task, in SyscallArguments args)
    {
        task.RequestExit(WaitStatus.Exited(args.Int(0)));
        return SyscallResult.Ok;
    }

    /// <summary>exit_group(2).</summary>
    public static SyscallResult ExitGroup(Task task, in SyscallArguments args)
    {
        task.ThreadGroup.BeginGroupExit(WaitStatus.Exited(args.Int(0)));
        return SyscallResult.Ok;
    }

    /// <summary>fork(2).</summary>
    public static SyscallResult Fork(Task task, in SyscallArguments args)
    {
        CloneRequest request = new() { ExitSignal = Signals.SIGCHLD };
        return SyscallResult.From(task.Clone(request, out int tid), tid);
    }

    /// <summary>vfork(2).</summary>
    public static SyscallResult Vfork(Task task, in SyscallArguments args)
    {
        CloneRequest request = new() { Flags = Sched.CLONE_VM | Sched.CLONE_VFORK, ExitSignal = Signals.SIGCHLD };
        return SyscallResult.From(task.Clone(request, out int tid), tid);
    }

    /// <summary>clone(2) with the x86-64 order of arguments: flags, stack, parent_tid, child_tid, tls.</summary>
    public static SyscallResult Clone(Task task, in SyscallArguments args)
    {
        ulong flags = args.UInt(0);
        CloneRequest request = new()
        {
            Flags = flags & ~Sched.CSIGNAL,
            ExitSignal = (int)(flags & Sched.CSIGNAL),
            StackTop = args.Address(1),
            ParentTid = args.Address(2),
            PidFd = args.Address(2),
            ChildTid = args.Address(3),
            ThreadPointer = args[4],
        };
        if (request.Has(Sched.CLONE_PIDFD) && request.Has(Sched.CLONE_PARENT_SETTID))
        {
            return Errno.EINVAL;
        }

        return SyscallResult.From(task.Clone(request, out int tid), tid);
    }

    /// <summary>clone3(2).</summary>
    public static SyscallResult Clone3(Task task, in SyscallArguments args)
    {
        ulong size = args[1];
        if (size < Sched.CLONE_ARGS_SIZE_VER0)
        {
            return Errno.EINVAL;
        }

        if (size > CloneArgsMaxBytes)
        {
            return Errno.E2BIG;
        }

        Errno errno = CloneArguments.Read(task, args.Address(0), (int)size, out CloneRequest request);
        return errno != Errno.None ? errno : SyscallResult.From(task.Clone(request, out int tid), tid);
    }

    /// <summary>set_tid_address(2).</summary>
    public static SyscallResult SetTidAddress(Task task, in SyscallArguments args)
    {
        task.SetClearChildTid(args.Address(0));
        return task.Tid;
    }

    /// <summary>unshare(2).</summary>
    public static SyscallResult Unshare(Task task, in SyscallArguments args) => task.Unshare(args[0]);

    /// <summary>setns(2).</summary>
    public static SyscallResult SetNs(Task task, in SyscallArguments args) =>
        NamespaceEntry.Enter(task, args.Int(0), args.Int(1));

    /// <summary>arch_prctl(2).</summary>
    public static SyscallResult ArchPrctl(Task task, in SyscallArguments args)
    {
        ulong address = args[1];
        ref global::Platform.GuestRegisters registers = ref task.Context.Registers;
        switch (args.Int(0))
        {
            case Abi.Linux.ArchPrctl.ARCH_SET_FS when address < GuestAddress.UserEnd:
                registers.FsBase = address;
                return SyscallResult.Ok;
            case Abi.Linux.ArchPrctl.ARCH_SET_GS when address < GuestAddress.UserEnd:
                registers.GsBase = address;
                return SyscallResult.Ok;
            case Abi.Linux.ArchPrctl.ARCH_SET_FS or Abi.Linux.ArchPrctl.ARCH_SET_GS:
                return Errno.EPERM;
            case Abi.Linux.ArchPrctl.ARCH_GET_FS:
                return task.Mm.Write(new GuestAddress(address), registers.FsBase);
            case Abi.Linux.ArchPrctl.ARCH_GET_GS:
                return task.Mm.Write(new GuestAddress(address), registers.GsBase);
            case Abi.Linux.ArchPrctl.ARCH_GET_CPUID:
                return 1;
            case Abi.Linux.ArchPrctl.ARCH_GET_XCOMP_SUPP or Abi.Linux.ArchPrctl.ARCH_GET_XCOMP_PERM:
                return task.Mm.Write(new GuestAddress(address), task.Kernel.FpFeatures);
            case Abi.Linux.ArchPrctl.ARCH_SET_CPUID:
                return Errno.ENODEV;
            default:
                return Errno.EINVAL;
        }
    }
}
