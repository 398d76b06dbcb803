using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>times(2), in clock ticks.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct tms", "sys/times.h")]
public struct Tms
{
    public long tms_utime;
    public long tms_stime;
    public long tms_cutime;
    public long tms_cstime;
}

/// <summary>The user-visible clock tick, getconf CLK_TCK.</summary>
[CHeader("asm/param.h")]
public static class ClockTick
{
    public const int HZ = 100;
    public const int EXEC_PAGESIZE = 4096;
    public const int NOGROUP = -1;
    public const int MAXHOSTNAMELEN = 64;
}
