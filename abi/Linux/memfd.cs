namespace Abi.Linux;

/// <summary>Flags of memfd_create(2).</summary>
[CHeader("linux/memfd.h")]
public static class Memfd
{
    public const uint MFD_CLOEXEC = 0x0001;
    public const uint MFD_ALLOW_SEALING = 0x0002;
    public const uint MFD_NOEXEC_SEAL = 0x0008;
    public const uint MFD_EXEC = 0x0010;

    public const uint MFD_HUGETLB = 0x0004;
    public const uint MFD_HUGE_SHIFT = 26;
    public const uint MFD_HUGE_MASK = 0x3f;
    public const uint MFD_HUGE_64KB = 0x40000000;
    public const uint MFD_HUGE_512KB = 0x4c000000;
    public const uint MFD_HUGE_1MB = 0x50000000;
    public const uint MFD_HUGE_2MB = 0x54000000;
    public const uint MFD_HUGE_8MB = 0x5c000000;
    public const uint MFD_HUGE_16MB = 0x60000000;
    public const uint MFD_HUGE_32MB = 0x64000000;
    public const uint MFD_HUGE_256MB = 0x70000000;
    public const uint MFD_HUGE_512MB = 0x74000000;
    public const uint MFD_HUGE_1GB = 0x78000000;
    public const uint MFD_HUGE_2GB = 0x7c000000;
    public const uint MFD_HUGE_16GB = 0x88000000;
}
