using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Time;

namespace Sentry.Syscalls;

/// <summary>Times as system calls give and take them, turned into nanoseconds. What exceeds 292 years is
/// long.MaxValue.</summary>
internal static class TimeValues
{
    internal const long NsPerSecond = 1_000_000_000;
    private const long NsPerMicrosecond = 1000;
    private const long MicrosecondsPerSecond = 1_000_000;

    /// <summary>Seconds and nanoseconds as one number; <see cref="long.MaxValue"/> when that does not fit.</summary>
    internal static long ToNs(long seconds, long ns) =>
        seconds >= long.MaxValue / NsPerSecond ? long.MaxValue : (seconds * NsPerSecond) + ns;

    /// <summary>As struct timespec.</summary>
    internal static Timespec ToTimespec(long ns) => new() { tv_sec = ns / NsPerSecond, tv_nsec = ns % NsPerSecond };

    /// <summary>As struct timeval.</summary>
    internal static Timeval ToTimeval(long ns) =>
        new() { tv_sec = ns / NsPerSecond, tv_usec = ns % NsPerSecond / NsPerMicrosecond };

    /// <summary>Reads a struct timespec: EFAULT, EINVAL when negative or not normal.</summary>
    internal static Errno Read(Task task, GuestAddress address, out long ns)
    {
        ns = 0;
        Errno errno = task.Mm.Read(address, out Timespec time);
        return errno != Errno.None ? errno : FromTimespec(time, out ns);
    }

    /// <summary>Writes a struct timespec.</summary>
    internal static Errno Write(Task task, GuestAddress address, long ns) => task.Mm.Write(address, ToTimespec(ns));

    /// <summary>Reads a struct itimerspec.</summary>
    internal static Errno Read(Task task, GuestAddress address, out TimerSetting setting)
    {
        setting = default;
        Errno errno = task.Mm.Read(address, out Itimerspec spec);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = FromTimespec(spec.it_value, out long valueNs);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = FromTimespec(spec.it_interval, out long intervalNs);
        setting = new TimerSetting(valueNs, intervalNs);
        return errno;
    }

    /// <summary>Writes a struct itimerspec.</summary>
    internal static Errno Write(Task task, GuestAddress address, TimerSetting setting)
    {
        Itimerspec spec = new()
        {
            it_interval = ToTimespec(setting.IntervalNs),
            it_value = ToTimespec(setting.ValueNs),
        };
        return task.Mm.Write(address, spec);
    }

    /// <summary>Reads a struct itimerval; EINVAL when negative or not normal.</summary>
    internal static Errno ReadInterval(Task task, GuestAddress address, out TimerSetting setting)
    {
        setting = default;
        Errno errno = task.Mm.Read(address, out Itimerval spec);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!IsNormal(spec.it_value) || !IsNormal(spec.it_interval))
        {
            return Errno.EINVAL;
        }

        setting = new TimerSetting(FromTimeval(spec.it_value), FromTimeval(spec.it_interval));
        return Errno.None;
    }

    /// <summary>Writes a struct itimerval; a timer that is set never shows as 0.</summary>
    internal static Errno WriteInterval(Task task, GuestAddress address, TimerSetting setting)
    {
        long valueNs = setting.ValueNs == 0 ? 0 : Math.Max(setting.ValueNs, NsPerMicrosecond);
        Itimerval spec = new()
        {
            it_interval = ToTimeval(setting.IntervalNs),
            it_value = ToTimeval(valueNs),
        };
        return task.Mm.Write(address, spec);
    }

    /// <summary>Normal and not negative (kernel/time, timespec64_valid).</summary>
    private static Errno FromTimespec(in Timespec time, out long ns)
    {
        bool isValid = time.tv_sec >= 0 && time.tv_nsec is >= 0 and < NsPerSecond;
        ns = isValid ? ToNs(time.tv_sec, time.tv_nsec) : 0;
        return isValid ? Errno.None : Errno.EINVAL;
    }

    private static bool IsNormal(in Timeval time) => time.tv_sec >= 0
        && time.tv_usec is >= 0 and < MicrosecondsPerSecond;

    private static long FromTimeval(in Timeval time) => ToNs(time.tv_sec, time.tv_usec * NsPerMicrosecond);
}
