using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using K = Abi.Linux.Kvm;

namespace Platform.Kvm;

/// <summary>Owner of /dev/kvm and of one virtual machine: what is asked of them (KVM API documentation, 4).</summary>
internal sealed class KvmVm : IDisposable
{
    /// <summary>The shared page holds struct kvm_run, which is smaller.</summary>
    private const int PageBytes = 4096;

    private readonly HostFd _device;
    private readonly HostFd _vm;

    /// <summary>Guards the slot that comes and goes.</summary>
    private readonly Lock _shadowGate = new();

    private KvmVm(HostFd device, HostFd vm, int runBytes, GuestCpu cpu)
    {
        _device = device;
        _vm = vm;
        RunBytes = runBytes;
        Cpu = cpu;
        MaxVcpus = Extension(K.KVM_CAP_MAX_VCPUS);
        MaxSlots = Extension(K.KVM_CAP_NR_MEMSLOTS);
    }

    /// <summary>Size of the shared page of a vCPU.</summary>
    public int RunBytes { get; }

    /// <summary>The CPU the guest sees.</summary>
    public GuestCpu Cpu { get; }

    public int MaxVcpus { get; }

    public int MaxSlots { get; }

    /// <summary>Whether user code can read what only ring 0 may (CVE-2017-5754) on this CPU.</summary>
    public bool LeaksKernelMemory => KernelReads.ArePossible(_device.Value);

    /// <summary>Opens the device. On failure <paramref name="problem"/> is one line that names what to do.</summary>
    public static Errno OpenDevice(out HostFd? device, out string problem)
    {
        const int Flags = Fcntl.O_RDWR | Fcntl.O_CLOEXEC;
        Errno error = HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/dev/kvm", Flags, 0, out int fd);
        device = error == Errno.None ? new HostFd(fd) : null;
        problem = error == Errno.None ? "" : DescribeOpen(error);
        return error;
    }

    /// <summary>
    /// Makes a machine; the device is its own from then on. On failure <paramref name="problem"/> is one line that
    /// names what to do.
    /// </summary>
    public static Errno Create(HostFd device, out KvmVm? machine, out string problem)
    {
        machine = null;
        int fd = device.Value;
        Errno error = Probe(fd, out int runBytes, out int vm, out problem);
        if (error != Errno.None)
        {
            device.Dispose();
            return error;
        }
        error = GuestCpu.Probe(fd, out GuestCpu? cpu);
        if (error != Errno.None)
        {
            HostUnistd.Close(vm);
            device.Dispose();
            problem = "kvm platform: KVM_GET_SUPPORTED_CPUID: " + error;
            return error;
        }
        machine = new KvmVm(device, new HostFd(vm), runBytes, cpu!);
        return Errno.None;
    }

    /// <summary>Makes a vCPU with the given identifier.</summary>
    public Errno CreateVcpu(int identifier, out int fd) =>
        HostIoctl.Ioctl(_vm.Value, K.KVM_CREATE_VCPU, identifier, out fd);

    /// <summary>Puts host memory behind guest-physical memory.</summary>
    public Errno SetMemory(int slot, ulong physical, ulong lengthBytes, nint hostAddress)
    {
        var region = new KvmUserspaceMemoryRegion
        {
            slot = (uint)slot, guest_phys_addr = physical, memory_size = lengthBytes,
            userspace_addr = (ulong)hostAddress,
        };
        return HostIoctl.Ioctl(_vm.Value, K.KVM_SET_USER_MEMORY_REGION, ref region);
    }

    /// <summary>
    /// Makes a hypervisor that shadows page tables throw its shadows away, of the whole machine: it does when a memory
    /// slot goes (KVM API documentation, KVM_X86_QUIRK_SLOT_ZAP_ALL).
    /// </summary>
    public Errno DropShadows(nint hostPage)
    {
        int slot = MaxSlots - 1;
        ulong physical = (ulong)(MaxSlots + PhysicalMap.FirstChunk) * PhysicalMap.ChunkBytes;
        lock (_shadowGate)
        {
            Errno error = SetMemory(slot, physical, PageBytes, hostPage);
            return error == Errno.None ? SetMemory(slot, physical, 0, hostPage) : error;
        }
    }

    public void Dispose()
    {
        _vm.Dispose();
        _device.Dispose();
    }

    private int Extension(int capability) =>
        HostIoctl.Ioctl(_vm.Value, K.KVM_CHECK_EXTENSION, capability, out int result) == Errno.None ? result : 0;

    private static Errno Probe(int device, out int runBytes, out int vm, out string problem)
    {
        vm = -1;
        runBytes = 0;
        problem = "kvm platform: /dev/kvm does not speak version 12 of the KVM interface: a newer kernel is needed";
        Errno error = HostIoctl.Ioctl(device, K.KVM_GET_API_VERSION, 0, out int version);
        if (error != Errno.None || version != K.KVM_API_VERSION)
        {
            return error == Errno.None ? Errno.EOPNOTSUPP : error;
        }
        ReadOnlySpan<int> needed = [K.KVM_CAP_SYNC_REGS, K.KVM_CAP_IMMEDIATE_EXIT, K.KVM_CAP_XSAVE, K.KVM_CAP_XCRS];
        foreach (int capability in needed)
        {
            error = HostIoctl.Ioctl(device, K.KVM_CHECK_EXTENSION, capability, out int has);
            if (error != Errno.None || has == 0)
            {
                problem = $"kvm platform: KVM lacks capability {capability}: a newer kernel is needed";
                return Errno.EOPNOTSUPP;
            }
        }
        problem = "kvm platform: KVM_GET_VCPU_MMAP_SIZE fails";
        error = HostIoctl.Ioctl(device, K.KVM_GET_VCPU_MMAP_SIZE, 0, out runBytes);
        if (error != Errno.None || runBytes < PageBytes)
        {
            return error == Errno.None ? Errno.EOPNOTSUPP : error;
        }
        do
        {
            error = HostIoctl.Ioctl(device, K.KVM_CREATE_VM, 0, out vm);
        }
        while (error == Errno.EINTR);
        problem = error == Errno.None ? "" : "kvm platform: KVM_CREATE_VM: " + error +
            ": is virtualisation switched on in the firmware and not in use by another hypervisor?";
        return error;
    }

    private static string DescribeOpen(Errno error) => error switch
    {
        Errno.ENOENT or Errno.ENXIO or Errno.ENODEV =>
            "kvm platform: there is no /dev/kvm: load the kvm_intel or kvm_amd module, or use --platform=systrap",
        Errno.EACCES or Errno.EPERM =>
            "kvm platform: /dev/kvm may not be opened: run as root or join its group",
        _ => "kvm platform: opening /dev/kvm: " + error,
    };
}
