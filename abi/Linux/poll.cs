using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Events of poll(2).</summary>
[CHeader("asm/poll.h")]
public static class Poll
{
    public const short POLLIN = 0x0001;
    public const short POLLPRI = 0x0002;
    public const short POLLOUT = 0x0004;
    public const short POLLERR = 0x0008;
    public const short POLLHUP = 0x0010;
    public const short POLLNVAL = 0x0020;
    public const short POLLRDNORM = 0x0040;
    public const short POLLRDBAND = 0x0080;
    public const short POLLWRNORM = 0x0100;
    public const short POLLWRBAND = 0x0200;
    public const short POLLMSG = 0x0400;
    public const short POLLREMOVE = 0x1000;
    public const short POLLRDHUP = 0x2000;
}

/// <summary>poll(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct pollfd", "asm/poll.h")]
public struct Pollfd
{
    public int fd;
    public short events;
    public short revents;
}

/// <summary>Sizes of select(2).</summary>
[CHeader("linux/posix_types.h")]
public static class Select
{
    public const int __FD_SETSIZE = 1024;
}
