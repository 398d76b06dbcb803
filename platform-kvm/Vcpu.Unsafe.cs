using Abi.Linux;
using HostOs;
using Ring0;

namespace Platform.Kvm;

/// <summary>The page a vCPU shares with the kernel.</summary>
// SAFETY: the page is mapped when the vCPU is made, is at least as long as the structure, and goes in Dispose; only the
// thread that holds the vCPU touches it, except for immediate_exit, a byte that any thread may set.
internal sealed unsafe partial class Vcpu
{
    private readonly KvmRun* _run;
    private readonly nint _hostBlock;

    private Vcpu(KvmVm vm, KernelArea area, TrapCode code, HostFd fd, ulong block, nint run)
    {
        _vm = vm;
        _area = area;
        _code = code;
        _fd = fd;
        _block = block;
        _run = (KvmRun*)run;
        _hostBlock = area.HostOf(block);
    }

    private ref KvmRun Run => ref *_run;

    private static Errno MapRun(int fd, int bytes, out nint address) =>
        HostMman.Map(
            0, (nuint)bytes, HostMman.ProtRead | HostMman.ProtWrite, HostMman.MapShared, fd, 0, out address);

    private void UnmapRun(int bytes) => HostMman.Unmap((nint)_run, (nuint)bytes);
}
