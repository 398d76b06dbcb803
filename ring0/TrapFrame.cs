using System.Runtime.InteropServices;

namespace Ring0;

/// <summary>
/// What the CPU pushes when an interrupt gate is taken (SDM vol. 3, 6.14.2); an error code, if the vector has one, lies
/// below it.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct TrapFrame
{
    public ulong Rip;
    public ulong Cs;
    public ulong Rflags;
    public ulong Rsp;
    public ulong Ss;

    /// <summary>Whether the CPU pushes an error code for the vector (SDM vol. 3, table 6-1).</summary>
    public static bool HasErrorCode(int vector) => vector is 8 or 10 or 11 or 12 or 13 or 14 or 17 or 21 or 29 or 30;
}
