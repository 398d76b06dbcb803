using Abi.Linux;
using Sentry.Fs.Seccomp;
using Sentry.Kernel;
using Sentry.Mm;
using static Abi.Linux.Seccomp;

namespace Sentry.Syscalls;

/// <summary>seccomp(2) and PR_SET_SECCOMP.</summary>
public static class SeccompSyscalls
{
    // struct seccomp_notif, seccomp_notif_resp and seccomp_data.
    private const ushort NotificationBytes = 80;
    private const ushort AnswerBytes = 24;
    private const ushort DataBytes = 64;

    private const uint KnownFlags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG
        | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_NEW_LISTENER
        | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

    /// <summary>seccomp(unsigned int operation, unsigned int flags, void *args)</summary>
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
            case SECCOMP_GET_NOTIF_SIZES:
                return flags != 0 ? Errno.EINVAL : WriteSizes(task, address);
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
        if ((flags & ~KnownFlags) != 0 || !AreConsistent(flags))
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

        SeccompListener? listener = MakeListener(flags);
        SeccompFilter? older = task.SeccompState?.Filter;
        if (listener is not null && older is { HasListener: true })
        {
            return Errno.EBUSY;
        }

        errno = SeccompFilter.Stack(program!, older, out SeccompFilter? filter, listener);
        if (errno != Errno.None)
        {
            return errno;
        }

        SeccompState state = SeccompState.Filtered(filter!);
        if (listener is not null)
        {
            return SetWithListener(task, state, flags, listener);
        }

        if ((flags & SECCOMP_FILTER_FLAG_TSYNC) == 0)
        {
            task.SetSeccomp(state);
            return SyscallResult.Ok;
        }

        int strayed = task.SetSeccompOnAll(state);
        return strayed != 0 && (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH) != 0 ? Errno.ESRCH : strayed;
    }

    /// <summary>The number of the listener stands where that of a strayed thread would: one of them must be
    /// renounced.</summary>
    private static bool AreConsistent(uint flags)
    {
        const uint Both = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER;
        bool ambiguous = (flags & Both) == Both && (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH) == 0;
        bool aimless = (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) != 0
            && (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0;
        return !ambiguous && !aimless;
    }

    private static SeccompListener? MakeListener(uint flags)
    {
        if ((flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0)
        {
            return null;
        }

        return new SeccompListener((flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) != 0
            ? SeccompListener.WaitMode.KillableOnceReceived : SeccompListener.WaitMode.Interruptible);
    }

    /// <summary>The descriptor comes first: nobody is held to a filter whose calls nobody could answer.</summary>
    private static SyscallResult SetWithListener(
        Task task, SeccompState state, uint flags, SeccompListener listener)
    {
        SeccompNotifyDescription file = new(task.Kernel, listener);
        SyscallResult installed = Descriptors.Install(task, file, Fcntl.O_CLOEXEC);
        if (installed.IsError)
        {
            return installed;
        }

        if ((flags & SECCOMP_FILTER_FLAG_TSYNC) == 0)
        {
            task.SetSeccomp(state);
        }
        else if (task.SetSeccompOnAll(state) != 0)
        {
            _ = task.FdTable.Close(task, (int)installed.Value);
            return Errno.ESRCH;
        }

        return installed;
    }

    private static SyscallResult WriteSizes(Task task, GuestAddress address)
    {
        SeccompNotifSizes sizes = new()
        {
            seccomp_notif = NotificationBytes,
            seccomp_notif_resp = AnswerBytes,
            seccomp_data = DataBytes,
        };
        return task.Mm.Write(address, in sizes);
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
            or SECCOMP_RET_ERRNO or SECCOMP_RET_USER_NOTIF or SECCOMP_RET_TRACE or SECCOMP_RET_LOG or SECCOMP_RET_ALLOW;
        return available ? Errno.None : Errno.EOPNOTSUPP;
    }
}
