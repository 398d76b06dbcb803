using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Types of kcmp(2).</summary>
[CHeader("linux/kcmp.h")]
public static class Kcmp
{
    public const int KCMP_FILE = 0;
    public const int KCMP_VM = 1;
    public const int KCMP_FILES = 2;
    public const int KCMP_FS = 3;
    public const int KCMP_SIGHAND = 4;
    public const int KCMP_IO = 5;
    public const int KCMP_SYSVSEM = 6;
    public const int KCMP_EPOLL_TFD = 7;
}

/// <summary>KCMP_EPOLL_TFD.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kcmp_epoll_slot", "linux/kcmp.h")]
public struct KcmpEpollSlot
{
    public uint efd;
    public uint tfd;
    public uint toff;
}
