using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Limits and notification of mq_overview(7).</summary>
[CHeader("linux/mqueue.h")]
public static class Mqueue
{
    public const int MQ_PRIO_MAX = 32768;
    public const int MQ_BYTES_MAX = 819200;
    public const int NOTIFY_NONE = 0;
    public const int NOTIFY_WOKENUP = 1;
    public const int NOTIFY_REMOVED = 2;
    public const int NOTIFY_COOKIE_LEN = 32;
}

/// <summary>mq_getsetattr(2), mq_open(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct mq_attr", "linux/mqueue.h")]
public struct MqAttr
{
    public long mq_flags;
    public long mq_maxmsg;
    public long mq_msgsize;
    public long mq_curmsgs;
    private Longs4 _padEnd;
}
