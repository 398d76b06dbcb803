using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using static Abi.Linux.Seccomp;

namespace Sentry.Syscalls;

/// <summary>seccomp(2) and PR_SET_SECCOMP.</summary>
public static class SeccompSyscalls
{
    private const uint KnownFlags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG
        | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;

    /// <summary>
    /// seccomp(unsigned int operation, unsigned int flags, void *args). There are no listeners: the flag for one is
    /// unknown, and SECCOMP_RET_USER_NOTIF is no available action.
    /// </summary>
    public static SyscallResult Control(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(1);
        GuestAddress address = args.Address(2);
        switch (args.UInt(0))
        {
            case SECCOMP_SET_MODE_STRICT:
                return flags != 0 || !address.IsNull ? Errno.EINVAL : SetStrict(task);
            case SECCOMP_SET_MODE_FILTER:
                return SetFilter(task, flags, address);
            case SECCOMP_GET_ACTION_AVAIL:
                return flags != 0 ? Errno.EINVAL : CheckAction(task, address);
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>PR_SET_SECCOMP: mode, and the program of filter mode.</summary>
    internal static SyscallResult SetMode(Task task, ulong mode, GuestAddress address) => mode switch
    {
        SECCOMP_MODE_STRICT => SetStrict(task),
        SECCOMP_MODE_FILTER => SetFilter(task, 0, address),
        _ => Errno.EINVAL,
    };

    private static Errno SetStrict(Task task)
    {
        if (task.SeccompState is { Mode: not SECCOMP_MODE_STRICT })
        {
            return Errno.EINVAL;
        }

        task.SetSeccomp(SeccompState.Strict);
        return Errno.None;
    }

    private static SyscallResult SetFilter(Task task, uint flags, GuestAddress address)
    {
        if ((flags & ~KnownFlags) != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = ReadProgram(task, address, out BpfProgram? program);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (task.SeccompState is { Mode: SECCOMP_MODE_STRICT })
        {
            return Errno.EINVAL;
        }

        errno = SeccompFilter.Stack(program!, task.SeccompState?.Filter, out SeccompFilter? filter);
        if (errno != Errno.None)
        {
            return errno;
        }

        SeccompState state = SeccompState.Filtered(filter!);
        if ((flags & SECCOMP_FILTER_FLAG_TSYNC) == 0)
        {
            task.SetSeccomp(state);
            return SyscallResult.Ok;
        }

        int strayed = task.SetSeccompOnAll(state);
        return strayed != 0 && (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH) != 0 ? Errno.ESRCH : strayed;
    }

    /// <summary>The program, and the right to install it: CAP_SYS_ADMIN, or the promise to gain no
    /// privileges.</summary>
    private static Errno ReadProgram(Task task, GuestAddress address, out BpfProgram? program)
    {
        program = null;
        Errno errno = task.Mm.Read(address, out SockFprog header);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (header.len is 0 or > Bpf.BPF_MAXINSNS)
        {
            return Errno.EINVAL;
        }

        if (!task.NoNewPrivileges && !task.Credentials.HasCapability(Capability.CAP_SYS_ADMIN))
        {
            return Errno.EACCES;
        }

        SockFilter[] code = new SockFilter[header.len];
        errno = task.Mm.ReadArray<SockFilter>(new GuestAddress(header.filter), code);
        return errno != Errno.None ? errno : BpfProgram.TryCreate(code, out program);
    }

    private static Errno CheckAction(Task task, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out uint action);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool available = action is SECCOMP_RET_KILL_PROCESS or SECCOMP_RET_KILL_THREAD or SECCOMP_RET_TRAP
            or SECCOMP_RET_ERRNO or SECCOMP_RET_TRACE or SECCOMP_RET_LOG or SECCOMP_RET_ALLOW;
        return available ? Errno.None : Errno.EOPNOTSUPP;
    }
}
