using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Limits of readv(2).</summary>
[CHeader("linux/uio.h")]
public static class Uio
{
    public const int UIO_FASTIOV = 8;
    public const int UIO_MAXIOV = 1024;
}

/// <summary>Flags of preadv2(2) and pwritev2(2).</summary>
[CHeader("linux/fs.h")]
public static class RwFlags
{
    public const int RWF_HIPRI = 1;
    public const int RWF_DSYNC = 2;
    public const int RWF_SYNC = 4;
    public const int RWF_NOWAIT = 8;
    public const int RWF_APPEND = 0x10;
    public const int RWF_NOAPPEND = 0x20;
    public const int RWF_ATOMIC = 0x40;
    public const int RWF_DONTCACHE = 0x80;
    public const int RWF_NOSIGNAL = 0x100;
}

/// <summary>readv(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct iovec", "linux/uio.h")]
public struct Iovec
{
    public ulong iov_base;
    public ulong iov_len;
}
