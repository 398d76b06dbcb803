namespace Abi.Linux;

/// <summary>
/// Device numbers: the 64-bit dev_t of makedev(3), and the kernel's 32-bit encoding with 20 bits of minor that stat(2),
/// mknod(2) and statx(2) use (include/linux/kdev_t.h).
/// </summary>
public static class Sysmacros
{
    /// <summary>makedev(3); for majors below 4096 and minors below 2^20 also what stat(2) reports.</summary>
    public static ulong Makedev(uint major, uint minor) =>
        ((ulong)(major & 0xfffff000u) << 32) | ((ulong)(major & 0xfffu) << 8)
        | ((ulong)(minor & 0xffffff00u) << 12) | (minor & 0xffu);

    /// <summary>major(3).</summary>
    public static uint Major(ulong device) => (uint)(((device >> 8) & 0xfff) | ((device >> 32) & 0xfffff000));

    /// <summary>minor(3).</summary>
    public static uint Minor(ulong device) => (uint)((device & 0xff) | ((device >> 12) & 0xffffff00));
}
