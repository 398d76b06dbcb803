using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Sizes and ioctls of unix(7).</summary>
[CHeader("linux/un.h", "linux/sockios.h")]
public static class Un
{
    public const int UNIX_PATH_MAX = 108;

    public const uint SIOCUNIXFILE = 0x89e0;
}

/// <summary>An address of unix(7).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sockaddr_un", "linux/un.h")]
public struct SockaddrUn
{
    public ushort sun_family;
    public Bytes108 sun_path;
}
