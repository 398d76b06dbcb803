namespace Abi.Linux;

/// <summary>Flags of eventfd2(2).</summary>
[CHeader("sys/eventfd.h")]
public static class Eventfd
{
    public const int EFD_SEMAPHORE = 1;
    public const int EFD_CLOEXEC = 0x80000; // 02000000
    public const int EFD_NONBLOCK = 0x800; // 00004000
}
