using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;
using K = Abi.Linux.Kvm;

namespace Platform.Kvm;

/// <summary>
/// The CPU that guests see: what KVM supports, less what we cannot keep for them (protection keys, tile registers) and
/// less every sign of a hypervisor. Decides XCR0, CR4 and the size of the floating-point state.
/// </summary>
internal sealed class GuestCpu
{
    private const int MaxLeaves = 256;
    private const int LegacyFpBytes = 576;

    private const uint FeatureLeaf = 1;
    private const uint StructuredLeaf = 7;
    private const uint StateLeaf = 0xd;
    private const uint HypervisorLeaves = 0x40000000;
    private const uint ExtendedLeaves = 0x80000000;
    private const uint ExtendedFeatureLeaf = 0x80000001;

    private const uint XsaveBit = 1u << 26;
    private const uint HypervisorBit = 1u << 31;
    private const uint FsGsBaseBit = 1;
    private const uint SmepBit = 1u << 7;
    private const uint SmapBit = 1u << 20;
    private const uint ResidentBits = FsGsBaseBit | SmepBit | SmapBit;
    private const uint UmipBit = 1u << 2;
    private const uint ProtectionKeysBits = (1u << 3) | (1u << 4);
    private const uint TileBits = (1u << 22) | (1u << 24) | (1u << 25);
    private const uint HugePagesBit = 1u << 26;

    /// <summary>x87, SSE, AVX, AVX-512 (SDM vol. 1, 13.1).</summary>
    private const ulong KnownState = 0xe7;
    private const ulong BaseState = 3;
    private const ulong AvxState = 7;

    /// <summary>PAE, PGE, OSFXSR, OSXMMEXCPT (SDM vol. 3, 2.5).</summary>
    private const ulong BaseCr4 = (1 << 5) | (1 << 7) | (1 << 9) | (1 << 10);
    private const ulong UmipCr4 = 1 << 11;
    private const ulong FsGsBaseCr4 = 1 << 16;
    private const ulong XsaveCr4 = 1 << 18;
    private const ulong SmepCr4 = 1 << 20;
    private const ulong SmapCr4 = 1 << 21;

    private Table _leaves;

    private GuestCpu()
    {
    }

    /// <summary>State components that guests may use.</summary>
    public ulong Xcr0 { get; private set; }

    /// <summary>CR4 as far as CPUID decides it; without <see cref="Cr4Xsave"/>.</summary>
    public ulong Cr4 { get; private set; }

    /// <summary>CR4.OSXSAVE, where the guest CPU has XSAVE.</summary>
    public ulong Cr4Xsave { get; private set; }

    /// <summary>
    /// CR4.SMAP, which a kernel that shares page tables with guests must have; 0 where the CPU has not got it and
    /// SMEP and the instructions for segment bases.
    /// </summary>
    public ulong Cr4Resident { get; private set; }

    /// <summary>AVX, and no state that compiled code could use besides.</summary>
    public bool HasOnlyAvx => (Xcr0 & KnownState) == AvxState;

    /// <summary>Size of the floating-point state in standard format.</summary>
    public int FpStateBytes { get; private set; }

    /// <summary>Whether page tables may have entries of 1 GiB.</summary>
    public bool HasHugePages { get; private set; }

    /// <summary>Asks KVM and applies the policy.</summary>
    public static Errno Probe(int device, out GuestCpu? cpu)
    {
        cpu = new GuestCpu();
        cpu._leaves.Count = MaxLeaves;
        Errno error = HostIoctl.Ioctl(device, K.KVM_GET_SUPPORTED_CPUID, ref cpu._leaves);
        if (error == Errno.None)
        {
            cpu.Decide();
            cpu.Censor();
        }
        return error;
    }

    /// <summary>Gives a vCPU this CPUID.</summary>
    public Errno Apply(int vcpu) => HostIoctl.Ioctl(vcpu, K.KVM_SET_CPUID2, ref _leaves);

    private void Decide()
    {
        FpStateBytes = LegacyFpBytes;
        Xcr0 = BaseState;
        Cr4 = BaseCr4;
        foreach (ref readonly KvmCpuidEntry2 leaf in Leaves)
        {
            switch (leaf.function)
            {
                case FeatureLeaf:
                    Cr4Xsave = XsaveCr4;
                    break;
                case StructuredLeaf when leaf.index == 0:
                    Cr4 |= (leaf.ebx & FsGsBaseBit) != 0 ? FsGsBaseCr4 : 0;
                    Cr4 |= (leaf.ebx & SmepBit) != 0 ? SmepCr4 : 0;
                    Cr4 |= (leaf.ecx & UmipBit) != 0 ? UmipCr4 : 0;
                    Cr4Resident = (leaf.ebx & ResidentBits) == ResidentBits ? SmapCr4 : 0;
                    break;
                case StateLeaf when leaf.index == 0:
                    Xcr0 |= leaf.eax & KnownState;
                    break;
                case ExtendedFeatureLeaf:
                    HasHugePages = (leaf.edx & HugePagesBit) != 0;
                    break;
            }
        }
        foreach (ref readonly KvmCpuidEntry2 leaf in Leaves)
        {
            bool component = leaf.function == StateLeaf && leaf.index is > 1 and < 63;
            if (component && (Xcr0 >> (int)leaf.index & 1) != 0)
            {
                FpStateBytes = int.Max(FpStateBytes, (int)(leaf.ebx + leaf.eax));
            }
        }
    }

    /// <summary>Takes out what guests must not see.</summary>
    private void Censor()
    {
        int kept = 0;
        Span<KvmCpuidEntry2> all = Leaves;
        foreach (ref KvmCpuidEntry2 leaf in all)
        {
            if (leaf.function is >= HypervisorLeaves and < ExtendedLeaves)
            {
                continue;
            }
            switch (leaf.function)
            {
                case FeatureLeaf:
                    leaf.ecx = (leaf.ecx & ~HypervisorBit) | XsaveBit;
                    break;
                case StructuredLeaf when leaf.index == 0:
                    leaf.ecx &= ~ProtectionKeysBits;
                    leaf.edx &= ~TileBits;
                    break;
                case StateLeaf when leaf.index == 0:
                    leaf.eax = (uint)Xcr0;
                    leaf.edx = 0;
                    break;
            }
            all[kept++] = leaf;
        }
        _leaves.Count = (uint)kept;
    }

    private Span<KvmCpuidEntry2> Leaves => ((Span<KvmCpuidEntry2>)_leaves.Entries)[..(int)_leaves.Count];

    /// <summary>struct kvm_cpuid2 with room for its entries.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Table
    {
        public uint Count;
        private readonly uint _pad0;
        public Entries Entries;
    }

    [InlineArray(MaxLeaves)]
    private struct Entries
    {
        private KvmCpuidEntry2 _element;
    }
}
