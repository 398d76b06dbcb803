using Abi.Linux;
using Sentry.Fs.TimerFd;
using Sentry.Kernel;
using Sentry.Time;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>timerfd_create(2) and its kin.</summary>
public static class TimerFdSyscalls
{
    private const int CreateFlags = Timerfd.TFD_CLOEXEC | Timerfd.TFD_NONBLOCK;
    private const int SetFlags = Timerfd.TFD_TIMER_ABSTIME | Timerfd.TFD_TIMER_CANCEL_ON_SET;

    /// <summary>timerfd_create(int clockid, int flags).</summary>
    public static SyscallResult TimerFdCreate(Task task, in SyscallArguments args)
    {
        int flags = args.Int(1);
        Errno errno = GuestClock.Decode(task, args.Int(0), CpuClockUse.Wait, out GuestClock clock);
        bool isSuited = clock.Kind is ClockKind.Realtime or ClockKind.Monotonic or ClockKind.Boottime || clock.IsAlarm;
        if ((flags & ~CreateFlags) != 0 || errno != Errno.None || !isSuited)
        {
            return Errno.EINVAL;
        }

        if (clock.IsAlarm && !task.Credentials.IsCapable(Capability.CAP_WAKE_ALARM))
        {
            return Errno.EPERM;
        }

        TimerFdDescription file = new(task.Kernel, clock, flags & Fcntl.O_NONBLOCK);
        CloseOnExec closeOnExec = (flags & Fcntl.O_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
        return SyscallResult.From(task.FdTable.InstallNew(task, file, closeOnExec, out int fd), fd);
    }

    /// <summary>timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec
    /// *old_value).</summary>
    public static SyscallResult TimerFdSetTime(Task task, in SyscallArguments args)
    {
        Errno errno = TimeValues.Read(task, args.Address(2), out TimerSetting setting);
        if (errno != Errno.None || (args.Int(1) & ~SetFlags) != 0)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        errno = Find(reference, out TimerFdDescription? timer);
        if (errno != Errno.None)
        {
            return errno;
        }

        TimerSetting old = timer!.Set(setting, args.Int(1));
        return args.Address(3).IsNull ? SyscallResult.Ok : TimeValues.Write(task, args.Address(3), old);
    }

    /// <summary>timerfd_gettime(int fd, struct itimerspec *curr_value).</summary>
    public static SyscallResult TimerFdGetTime(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        Errno errno = Find(reference, out TimerFdDescription? timer);
        return errno != Errno.None ? errno : TimeValues.Write(task, args.Address(1), timer!.Get());
    }

    private static Errno Find(in FdReference reference, out TimerFdDescription? timer)
    {
        timer = reference.File as TimerFdDescription;
        if (reference.File is null || reference.File.IsPathOnly)
        {
            return Errno.EBADF;
        }

        return timer is null ? Errno.EINVAL : Errno.None;
    }
}
