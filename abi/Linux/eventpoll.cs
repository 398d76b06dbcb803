using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Events and operations of epoll_ctl(2).</summary>
[CHeader("linux/eventpoll.h")]
public static class Epoll
{
    // epoll_create1(2).
    public const int EPOLL_CLOEXEC = 0x80000;

    // epoll_ctl(2).
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;

    // Events.
    public const uint EPOLLIN = 1;
    public const uint EPOLLPRI = 2;
    public const uint EPOLLOUT = 4;
    public const uint EPOLLERR = 8;
    public const uint EPOLLHUP = 0x10;
    public const uint EPOLLNVAL = 0x20;
    public const uint EPOLLRDNORM = 0x40;
    public const uint EPOLLRDBAND = 0x80;
    public const uint EPOLLWRNORM = 0x100;
    public const uint EPOLLWRBAND = 0x200;
    public const uint EPOLLMSG = 0x400;
    public const uint EPOLLRDHUP = 0x2000;
    public const uint EPOLLEXCLUSIVE = 0x10000000;
    public const uint EPOLLWAKEUP = 0x20000000;
    public const uint EPOLLONESHOT = 0x40000000;
    public const uint EPOLLET = 0x80000000;
}

/// <summary>epoll_wait(2): packed, 12 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CType("struct epoll_event", "sys/epoll.h")]
public struct EpollEvent
{
    public uint events;
    [CField("data.u64")]
    public ulong data;
}
