using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Requests of /dev/kvm, VM and vCPU descriptors: Linux's Documentation/virt/kvm/api.rst.</summary>
[CHeader("linux/kvm.h")]
public static class Kvm
{
    public const int KVM_API_VERSION = 12;

    public const uint KVM_GET_API_VERSION = 0xae00;
    public const uint KVM_CREATE_VM = 0xae01;
    public const uint KVM_CHECK_EXTENSION = 0xae03;
    public const uint KVM_GET_VCPU_MMAP_SIZE = 0xae04;
    public const uint KVM_GET_SUPPORTED_CPUID = 0xc008ae05;
    public const uint KVM_CREATE_VCPU = 0xae41;
    public const uint KVM_SET_USER_MEMORY_REGION = 0x4020ae46;
    public const uint KVM_RUN = 0xae80;
    public const uint KVM_SET_REGS = 0x4090ae82;
    public const uint KVM_GET_SREGS = 0x8138ae83;
    public const uint KVM_SET_SREGS = 0x4138ae84;
    public const uint KVM_INTERRUPT = 0x4004ae86;
    public const uint KVM_GET_MSRS = 0xc008ae88;
    public const uint KVM_SET_MSRS = 0x4008ae89;
    public const uint KVM_SET_CPUID2 = 0x4008ae90;
    public const uint KVM_GET_XSAVE = 0x9000aea4;
    public const uint KVM_SET_XSAVE = 0x5000aea5;
    public const uint KVM_SET_XCRS = 0x4188aea7;
    public const uint KVM_GET_STATS_FD = 0xaece;
    public const uint KVM_SET_DEVICE_ATTR = 0x4018aee1;

    public const uint KVM_VCPU_TSC_CTRL = 0;
    public const ulong KVM_VCPU_TSC_OFFSET = 0;

    public const int KVM_CAP_NR_MEMSLOTS = 10;
    public const int KVM_CAP_XSAVE = 55;
    public const int KVM_CAP_XCRS = 56;
    public const int KVM_CAP_MAX_VCPUS = 66;
    public const int KVM_CAP_SYNC_REGS = 74;
    public const int KVM_CAP_IMMEDIATE_EXIT = 136;

    public const uint KVM_EXIT_HLT = 5;
    public const uint KVM_EXIT_SHUTDOWN = 8;

    public const ulong KVM_SYNC_X86_REGS = 1;
    public const ulong KVM_SYNC_X86_SREGS = 2;
    public const ulong KVM_SYNC_X86_EVENTS = 4;
}

/// <summary>General registers of a vCPU.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_regs", "linux/kvm.h")]
public struct KvmRegs
{
    public ulong rax;
    public ulong rbx;
    public ulong rcx;
    public ulong rdx;
    public ulong rsi;
    public ulong rdi;
    public ulong rsp;
    public ulong rbp;
    public ulong r8;
    public ulong r9;
    public ulong r10;
    public ulong r11;
    public ulong r12;
    public ulong r13;
    public ulong r14;
    public ulong r15;
    public ulong rip;
    public ulong rflags;
}

/// <summary>A segment register with its hidden part.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_segment", "linux/kvm.h")]
public struct KvmSegment
{
    public ulong @base;
    public uint limit;
    public ushort selector;
    public byte type;
    public byte present;
    public byte dpl;
    public byte db;
    public byte s;
    public byte l;
    public byte g;
    public byte avl;
    public byte unusable;
    private byte _pad0;
}

/// <summary>A descriptor-table register.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_dtable", "linux/kvm.h")]
public struct KvmDtable
{
    public ulong @base;
    public ushort limit;
    private ushort _pad0;
    private uint _padEnd;
}

/// <summary>Segment, table and control registers of a vCPU.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_sregs", "linux/kvm.h")]
public struct KvmSregs
{
    public KvmSegment cs;
    public KvmSegment ds;
    public KvmSegment es;
    public KvmSegment fs;
    public KvmSegment gs;
    public KvmSegment ss;
    public KvmSegment tr;
    public KvmSegment ldt;
    public KvmDtable gdt;
    public KvmDtable idt;
    public ulong cr0;
    public ulong cr2;
    public ulong cr3;
    public ulong cr4;
    public ulong cr8;
    public ulong efer;
    public ulong apic_base;
    public ULongs4 interrupt_bitmap;
}

/// <summary>The page of a vCPU that its owner maps; the exit's details between are not used.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_run", "linux/kvm.h", Size = "offsetof(struct kvm_run, s.regs.events.interrupt)")]
public struct KvmRun
{
    public byte request_interrupt_window;
    public byte immediate_exit;
    private ushort _pad0;
    private uint _pad1;
    public uint exit_reason;
    public byte ready_for_interrupt_injection;
    public byte if_flag;
    public ushort flags;
    public ulong cr8;
    public ulong apic_base;
    private ULongs32 _pad2;
    public ulong kvm_valid_regs;
    public ulong kvm_dirty_regs;
    [CField("s.regs.regs")]
    public KvmRegs regs;
    [CField("s.regs.sregs")]
    public KvmSregs sregs;
    [CField("s.regs.events.exception.injected")]
    public byte exception_injected;
    [CField("s.regs.events.exception.nr")]
    public byte exception_nr;
    [CField("s.regs.events.exception.has_error_code")]
    public byte exception_has_error_code;
    [CField("s.regs.events.exception.pending")]
    public byte exception_pending;
    [CField("s.regs.events.exception.error_code")]
    public uint exception_error_code;
}

/// <summary>One leaf of CPUID.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_cpuid_entry2", "linux/kvm.h")]
public struct KvmCpuidEntry2
{
    public uint function;
    public uint index;
    public uint flags;
    public uint eax;
    public uint ebx;
    public uint ecx;
    public uint edx;
    private UInts3 _padEnd;
}

/// <summary>One model-specific register.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_msr_entry", "linux/kvm.h")]
public struct KvmMsrEntry
{
    public uint index;
    private uint _pad0;
    public ulong data;
}

/// <summary>One extended control register.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_xcr", "linux/kvm.h")]
public struct KvmXcr
{
    public uint xcr;
    private uint _pad0;
    public ulong value;
}

/// <summary>An attribute of a descriptor of KVM's, and where its value is.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_device_attr", "linux/kvm.h")]
public struct KvmDeviceAttr
{
    public uint flags;
    public uint group;
    public ulong attr;
    public ulong addr;
}

/// <summary>A piece of guest-physical memory and the host memory behind it.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_userspace_memory_region", "linux/kvm.h")]
public struct KvmUserspaceMemoryRegion
{
    public uint slot;
    public uint flags;
    public ulong guest_phys_addr;
    public ulong memory_size;
    public ulong userspace_addr;
}

/// <summary>Start of a file of statistics: where in it everything is.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_stats_header", "linux/kvm.h")]
public struct KvmStatsHeader
{
    public uint flags;
    public uint name_size;
    public uint num_desc;
    public uint id_offset;
    public uint desc_offset;
    public uint data_offset;
}

/// <summary>One statistic; its name follows, ended by 0 and padded to the header's name_size.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct kvm_stats_desc", "linux/kvm.h")]
public struct KvmStatsDesc
{
    public uint flags;
    public short exponent;
    public ushort size;
    public uint offset;
    public uint bucket_size;
}
