namespace Abi.Linux;

/// <summary>personality(2).</summary>
[CHeader("linux/personality.h")]
public static class Personality
{
    public const uint PER_CLEAR_ON_SETID = 0x740000;
    public const uint UNAME26 = 0x0020000;
    public const uint ADDR_NO_RANDOMIZE = 0x0040000;
    public const uint FDPIC_FUNCPTRS = 0x0080000;
    public const uint MMAP_PAGE_ZERO = 0x0100000;
    public const uint ADDR_COMPAT_LAYOUT = 0x0200000;
    public const uint READ_IMPLIES_EXEC = 0x0400000;
    public const uint ADDR_LIMIT_32BIT = 0x0800000;
    public const uint SHORT_INODE = 0x1000000;
    public const uint WHOLE_SECONDS = 0x2000000;
    public const uint STICKY_TIMEOUTS = 0x4000000;
    public const uint ADDR_LIMIT_3GB = 0x8000000;
    public const uint PER_LINUX = 0x0000;
    public const uint PER_LINUX_32BIT = 0x800000;
    public const uint PER_LINUX_FDPIC = 0x80000;
    public const uint PER_SVR4 = 0x4100001;
    public const uint PER_SVR3 = 0x5000002;
    public const uint PER_SCOSVR3 = 0x7000003;
    public const uint PER_OSR5 = 0x6000003;
    public const uint PER_WYSEV386 = 0x5000004;
    public const uint PER_ISCR4 = 0x4000005;
    public const uint PER_BSD = 0x0006;
    public const uint PER_SUNOS = 0x4000006;
    public const uint PER_XENIX = 0x5000007;
    public const uint PER_LINUX32 = 0x0008;
    public const uint PER_LINUX32_3GB = 0x8000008;
    public const uint PER_RISCOS = 0x000c;
    public const uint PER_SOLARIS = 0x400000d;
    public const uint PER_UW7 = 0x410000e;
    public const uint PER_OSF4 = 0x000f;
    public const uint PER_HPUX = 0x0010;
    public const uint PER_MASK = 0x00ff;
}
