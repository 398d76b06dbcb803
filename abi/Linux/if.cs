using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Interface flags and sizes, netdevice(7).</summary>
[CHeader("net/if.h")]
public static class If
{
    public const int IFF_UP = 0x1;
    public const int IFF_BROADCAST = 0x2;
    public const int IFF_DEBUG = 0x4;
    public const int IFF_LOOPBACK = 0x8;
    public const int IFF_POINTOPOINT = 0x10;
    public const int IFF_NOTRAILERS = 0x20;
    public const int IFF_RUNNING = 0x40;
    public const int IFF_NOARP = 0x80;
    public const int IFF_PROMISC = 0x100;
    public const int IFF_ALLMULTI = 0x200;
    public const int IFF_MASTER = 0x400;
    public const int IFF_SLAVE = 0x800;
    public const int IFF_MULTICAST = 0x1000;
    public const int IFF_PORTSEL = 0x2000;
    public const int IFF_AUTOMEDIA = 0x4000;
    public const int IFF_DYNAMIC = 0x8000;

    public const int IFNAMSIZ = 16;
}

/// <summary>The argument of the interface ioctls; the second half is a union.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
[CType("struct ifreq", "net/if.h")]
public struct Ifreq
{
    [FieldOffset(0)]
    public Bytes16 ifr_name;

    [FieldOffset(16)]
    public Sockaddr ifr_addr;

    [FieldOffset(16)]
    public Sockaddr ifr_hwaddr;

    [FieldOffset(16)]
    public short ifr_flags;

    [FieldOffset(16)]
    public int ifr_ifindex;

    [FieldOffset(16)]
    public int ifr_mtu;

    [FieldOffset(16)]
    public int ifr_metric;

    [FieldOffset(16)]
    public int ifr_qlen;

    [FieldOffset(16)]
    public Bytes16 ifr_newname;

    [FieldOffset(16)]
    public ulong ifr_data;
}

/// <summary>SIOCGIFCONF.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct ifconf", "net/if.h")]
public struct Ifconf
{
    public int ifc_len;
    private int _pad0;
    public ulong ifc_buf;
}
