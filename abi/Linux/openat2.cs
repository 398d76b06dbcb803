using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>RESOLVE_ flags of openat2(2).</summary>
[CHeader("linux/openat2.h")]
public static class Openat2
{
    public const ulong RESOLVE_NO_XDEV = 0x01;
    public const ulong RESOLVE_NO_MAGICLINKS = 0x02;
    public const ulong RESOLVE_NO_SYMLINKS = 0x04;
    public const ulong RESOLVE_BENEATH = 0x08;
    public const ulong RESOLVE_IN_ROOT = 0x10;
    public const ulong RESOLVE_CACHED = 0x20;
}

/// <summary>openat2(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct open_how", "linux/openat2.h")]
public struct OpenHow
{
    public ulong flags;
    public ulong mode;
    public ulong resolve;
}
