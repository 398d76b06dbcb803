using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Modes and states of adjtimex(2).</summary>
[CHeader("linux/timex.h")]
public static class TimexModes
{
    public const uint ADJ_OFFSET = 0x0001;
    public const uint ADJ_FREQUENCY = 0x0002;
    public const uint ADJ_MAXERROR = 0x0004;
    public const uint ADJ_ESTERROR = 0x0008;
    public const uint ADJ_STATUS = 0x0010;
    public const uint ADJ_TIMECONST = 0x0020;
    public const uint ADJ_TAI = 0x0080;
    public const uint ADJ_SETOFFSET = 0x0100;
    public const uint ADJ_MICRO = 0x1000;
    public const uint ADJ_NANO = 0x2000;
    public const uint ADJ_TICK = 0x4000;
    public const uint ADJ_OFFSET_SINGLESHOT = 0x8001;
    public const uint ADJ_OFFSET_SS_READ = 0xa001;

    // status.
    public const int STA_PLL = 0x0001;
    public const int STA_PPSFREQ = 0x0002;
    public const int STA_PPSTIME = 0x0004;
    public const int STA_FLL = 0x0008;
    public const int STA_INS = 0x0010;
    public const int STA_DEL = 0x0020;
    public const int STA_UNSYNC = 0x0040;
    public const int STA_FREQHOLD = 0x0080;
    public const int STA_PPSSIGNAL = 0x0100;
    public const int STA_PPSJITTER = 0x0200;
    public const int STA_PPSWANDER = 0x0400;
    public const int STA_PPSERROR = 0x0800;
    public const int STA_CLOCKERR = 0x1000;
    public const int STA_NANO = 0x2000;
    public const int STA_MODE = 0x4000;
    public const int STA_CLK = 0x8000;
    public const int STA_RONLY = 0xff00;

    // Clock states.
    public const int TIME_OK = 0;
    public const int TIME_INS = 1;
    public const int TIME_DEL = 2;
    public const int TIME_OOP = 3;
    public const int TIME_WAIT = 4;
    public const int TIME_ERROR = 5;
    public const int TIME_BAD = 5;
}

/// <summary>adjtimex(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct timex", "linux/timex.h")]
public struct Timex
{
    public uint modes;
    private uint _pad0;
    public long offset;
    public long freq;
    public long maxerror;
    public long esterror;
    public int status;
    private uint _pad1;
    public long constant;
    public long precision;
    public long tolerance;
    public Timeval time;
    public long tick;
    public long ppsfreq;
    public long jitter;
    public int shift;
    private uint _pad2;
    public long stabil;
    public long jitcnt;
    public long calcnt;
    public long errcnt;
    public long stbcnt;
    public int tai;
    private UInts11 _padEnd;
}
