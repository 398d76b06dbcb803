using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Scale of the load averages in sysinfo(2).</summary>
[CHeader("linux/sysinfo.h")]
public static class SysinfoShift
{
    public const int SI_LOAD_SHIFT = 16;
}

/// <summary>sysinfo(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sysinfo", "linux/sysinfo.h")]
public struct Sysinfo
{
    public long uptime;
    public ULongs3 loads;
    public ulong totalram;
    public ulong freeram;
    public ulong sharedram;
    public ulong bufferram;
    public ulong totalswap;
    public ulong freeswap;
    public ushort procs;
    private ushort _pad0;
    private uint _pad1;
    public ulong totalhigh;
    public ulong freehigh;
    public uint mem_unit;
    private uint _pad2;
}
