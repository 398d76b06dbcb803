namespace Abi.Linux;

/// <summary>Flags of timerfd_create(2) and timerfd_settime(2).</summary>
[CHeader("sys/timerfd.h", "linux/timerfd.h")]
public static class Timerfd
{
    public const int TFD_TIMER_ABSTIME = 1;
    public const int TFD_TIMER_CANCEL_ON_SET = 2;
    public const int TFD_CLOEXEC = 0x80000;
    public const int TFD_NONBLOCK = 0x800;

    public const uint TFD_IOC_SET_TICKS = 0x40085400;
}
