using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Sizes of uname(2).</summary>
[CHeader("linux/utsname.h")]
public static class Uts
{
    public const int __NEW_UTS_LEN = 64;
}

/// <summary>uname(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct new_utsname", "linux/utsname.h")]
public struct Utsname
{
    public Bytes65 sysname;
    public Bytes65 nodename;
    public Bytes65 release;
    public Bytes65 version;
    public Bytes65 machine;
    public Bytes65 domainname;
}
