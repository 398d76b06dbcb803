using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Abi.Linux;
using HostOs;
using K = Abi.Linux.Kvm;

namespace Platform.Kvm;

/// <summary>
/// Whether the CPU lets user code read supervisor pages by speculation (CVE-2017-5754). What differs by vendor is here
/// and nowhere else; the Intel half has been tried on no machine.
/// </summary>
internal static class KernelReads
{
    private const uint ArchCapabilities = 0x10a;

    /// <summary>RDCL_NO (SDM vol. 4, IA32_ARCH_CAPABILITIES).</summary>
    private const ulong NotVulnerable = 1;

    /// <summary>Asks the CPU's vendor and, for Intel's, the feature registers that KVM shows.</summary>
    public static bool ArePossible(int device)
    {
        if (!X86Base.IsSupported)
        {
            return true;
        }
        (_, int ebx, int ecx, int edx) = X86Base.CpuId(0, 0);
        if (IsVendor("AuthenticAMD"u8, ebx, edx, ecx) || IsVendor("HygonGenuine"u8, ebx, edx, ecx))
        {
            return false;
        }
        var list = new FeatureList { Count = 1 };
        list.Entries[0] = new KvmMsrEntry { index = ArchCapabilities };
        Errno error = HostIoctl.Ioctl(device, K.KVM_GET_MSRS, ref list);
        return error != Errno.None || (list.Entries[0].data & NotVulnerable) == 0;
    }

    private static bool IsVendor(ReadOnlySpan<byte> name, int first, int second, int third) =>
        BitConverter.ToInt32(name) == first && BitConverter.ToInt32(name[4..]) == second
        && BitConverter.ToInt32(name[8..]) == third;

    /// <summary>struct kvm_msrs with room for one.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FeatureList
    {
        public uint Count;
        private readonly uint _pad0;
        public FeatureEntries Entries;
    }

    [InlineArray(1)]
    private struct FeatureEntries
    {
        private KvmMsrEntry _element;
    }
}
