using System.Runtime.Intrinsics.X86;
using HostOs;

namespace Platform.Systrap;

/// <summary>What the host lets programs use.</summary>
internal static class CpuFeatures
{
    private const int HardwareCapabilities2 = 26;
    private const ulong FsGsBase = 2;

    /// <summary>CPUID leaf 7, EBX bit 8 (SDM vol. 2A).</summary>
    private const int FeatureLeaf = 7;
    private const int Bmi2 = 1 << 8;

    /// <summary>RDFSBASE and its kin (AT_HWCAP2 bit 1, arch/x86/include/uapi/asm/hwcap2.h).</summary>
    public static bool HasFsGsBase => (HostPrctl.AuxiliaryValue(HardwareCapabilities2) & FsGsBase) != 0;

    /// <summary>CPUID leaf 0x80000001, EDX bit 27 (SDM vol. 2A).</summary>
    private const int ExtendedLeaf = unchecked((int)0x80000001);
    private const int Rdtscp = 1 << 27;

    /// <summary>RDTSCP, which also says on which CPU it was executed.</summary>
    public static bool HasRdtscp => (X86Base.CpuId(ExtendedLeaf, 0).Edx & Rdtscp) != 0;

    /// <summary>RORX, which rotates and leaves the flags alone (BMI2).</summary>
    public static bool HasRotate =>
        X86Base.CpuId(0, 0).Eax >= FeatureLeaf && (X86Base.CpuId(FeatureLeaf, 0).Ebx & Bmi2) != 0;
}
