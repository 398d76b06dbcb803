using System;
using System.Runtime.InteropServices;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>One descriptor to poll (struct pollfd).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct HostPollFd
{
    public int Fd;
    public short Events;
    public short Revents;
}

/// <summary>One event of an epoll set (struct epoll_event, packed on x86-64).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct HostEpollEvent
{
    public uint Events;
    public ulong Data;
}

/// <summary>
/// <c>&lt;poll.h&gt;</c>, <c>&lt;sys/epoll.h&gt;</c>, <c>&lt;sys/eventfd.h&gt;</c> and <c>&lt;sys/inotify.h&gt;</c>.
/// </summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostPoll
{
    public const short In = 1;
    public const short Out = 4;
    public const short Error = 8;
    public const short HangUp = 0x10;
    public const int EpollCtlAdd = 1;
    public const int EpollCtlDel = 2;
    public const int EpollCtlMod = 3;

    private const long NsPerSecond = 1_000_000_000;

    /// <summary>ppoll(2) with the signal mask left alone; a negative time-out waits for ever.</summary>
    public static Errno Poll(Span<HostPollFd> fds, long timeoutNs, out int ready)
    {
        // SAFETY: the kernel reads and writes Length records of the pinned span; the timespec is a local.
        long* timespec = stackalloc long[2] { timeoutNs / NsPerSecond, timeoutNs % NsPerSecond };
        fixed (HostPollFd* p = fds)
        {
            nint timeout = timeoutNs < 0 ? 0 : (nint)timespec;
            return HostSyscall.Split(HostSyscall.Invoke(N.ppoll, (nint)p, fds.Length, timeout), out ready);
        }
    }

    /// <summary>epoll_create1(2).</summary>
    public static Errno EpollCreate(int flags, out int fd) =>
        HostSyscall.Split(HostSyscall.Invoke(N.epoll_create1, flags), out fd);

    /// <summary>epoll_ctl(2).</summary>
    public static Errno EpollControl(int epollFd, int operation, int fd, uint events, ulong data)
    {
        // SAFETY: the kernel reads 12 bytes of a local.
        var record = new HostEpollEvent { Events = events, Data = data };
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.epoll_ctl, epollFd, operation, fd, (nint)(&record)));
    }

    /// <summary>epoll_wait(2); -1 waits for ever.</summary>
    public static Errno EpollWait(int epollFd, Span<HostEpollEvent> events, int timeoutMs, out int ready)
    {
        // SAFETY: the kernel writes at most Length records of the pinned span.
        fixed (HostEpollEvent* p = events)
        {
            long r = HostSyscall.Invoke(N.epoll_pwait, epollFd, (nint)p, events.Length, timeoutMs, 0, 8);
            return HostSyscall.Split(r, out ready);
        }
    }

    /// <summary>eventfd2(2).</summary>
    public static Errno EventFd(uint initial, int flags, out int fd) =>
        HostSyscall.Split(HostSyscall.Invoke(N.eventfd2, (nint)initial, flags), out fd);
}
