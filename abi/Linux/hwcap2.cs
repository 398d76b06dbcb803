namespace Abi.Linux;

/// <summary>AT_HWCAP2 of x86.</summary>
[CHeader("asm/hwcap2.h")]
public static class Hwcap2
{
    public const uint HWCAP2_RING3MWAIT = 1;
    public const uint HWCAP2_FSGSBASE = 2;
}
