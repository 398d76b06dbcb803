using HostOs;

namespace Platform.Systrap;

/// <summary>What the host lets programs use.</summary>
internal static class CpuFeatures
{
    private const int HardwareCapabilities2 = 26;
    private const ulong FsGsBase = 2;

    /// <summary>RDFSBASE and its kin (AT_HWCAP2 bit 1, arch/x86/include/uapi/asm/hwcap2.h).</summary>
    public static bool HasFsGsBase => (HostPrctl.AuxiliaryValue(HardwareCapabilities2) & FsGsBase) != 0;
}
