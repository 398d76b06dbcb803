using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>utime(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct utimbuf", "linux/utime.h")]
public struct Utimbuf
{
    public long actime;
    public long modtime;
}
