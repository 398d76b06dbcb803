using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using Abi.Linux;
using HostOs;
using Ring0;
using K = Abi.Linux.Kvm;

namespace Platform.Kvm;

/// <summary>
/// One vCPU: its descriptor, its block of the kernel area, and what it remembers of address spaces. Belongs to the
/// thread that took it from the <see cref="VcpuPool"/>; only <see cref="Kick"/> and <see cref="IsIn"/> are for others.
/// </summary>
internal sealed partial class Vcpu : IDisposable
{
    /// <summary>Ends KVM_RUN. Ignored by default, caught by a handler that does nothing.</summary>
    public const int KickSignal = Signals.SIGURG;

    /// <summary>PE, MP, ET, NE, WP, AM, PG (SDM vol. 3, 2.5).</summary>
    private const ulong Cr0 = 0x80050033;

    /// <summary>SCE, LME, LMA, NXE (SDM vol. 4, IA32_EFER).</summary>
    private const ulong Efer = 0xd01;

    private const uint MsrStar = 0xc0000081;
    private const uint MsrLstar = 0xc0000082;
    private const uint MsrCstar = 0xc0000083;
    private const uint MsrFmask = 0xc0000084;
    private const uint MsrKernelGsBase = 0xc0000102;

    private const byte CodeSegment = 11;
    private const byte DataSegment = 3;
    private const byte BusyTaskState = 11;

    private readonly KvmVm _vm;
    private readonly KernelArea _area;
    private readonly TrapCode _code;
    private readonly HostFd _fd;
    private readonly ulong _block;

    /// <summary>Where guest code is being run right now; written with full fences.</summary>
    private KvmAddressSpace? _space;

    /// <summary>The thread that runs it.</summary>
    private int _tid;

    private KvmAddressSpace? _seenSpace;
    private long _seenGeneration;
    private bool _preempt;
    private ulong _systemCallEntry;

    /// <summary>
    /// The context whose floating-point state this vCPU holds. While the vCPU is free the pool's lock guards it.
    /// </summary>
    public PooledContext? FpOwner { get; set; }

    /// <summary>The hypervisor keeps shadows of page tables, and a write of ring 0 to a table does not end
    /// them.</summary>
    public bool ShadowsStay { get; set; }

    /// <summary>Makes a vCPU and brings it to where it can run.</summary>
    public static Errno Create(
        KvmVm vm, KernelArea area, TrapCode code, ulong idt, ulong root, int identifier, out Vcpu? vcpu)
    {
        vcpu = null;
        if (!area.TryAllocate(VcpuBlock.Bytes, out ulong block, out _))
        {
            return Errno.ENOMEM;
        }
        Errno error = vm.CreateVcpu(identifier, out int fd);
        if (error != Errno.None)
        {
            return error;
        }
        var owner = new HostFd(fd);
        error = vm.Cpu.Apply(fd);
        nint run = 0;
        error = error == Errno.None ? MapRun(fd, vm.RunBytes, out run) : error;
        if (error != Errno.None)
        {
            owner.Dispose();
            return error;
        }
        vcpu = new Vcpu(vm, area, code, owner, block, run);
        vcpu.SetTime();                     // where the host cannot, guests' clocks run as KVM likes
        error = vcpu.Initialize(idt, root);
        if (error != Errno.None)
        {
            vcpu.Dispose();
            vcpu = null;
        }
        return error;
    }

    /// <summary>The page of the way in, by its physical address.</summary>
    public ulong EntryPage => _block;

    /// <summary>Sets where SYSCALL goes.</summary>
    public Errno SetSystemCallEntry(ulong address)
    {
        _systemCallEntry = address;
        return SetMsrs(address, address);
    }

    /// <summary>Says to the world that guest code of an address space is about to run here.</summary>
    public void Announce(KvmAddressSpace space) => Interlocked.Exchange(ref _space, space);

    /// <summary>Guest code no longer runs here; kicks until now have been answered.</summary>
    public void Retract()
    {
        if (IsResident)
        {
            // The flag that ends a run is cleared by whoever leaves the run because of it.
            Volatile.Write(ref _space, null);
            return;
        }
        Run.immediate_exit = 0;
        Interlocked.Exchange(ref _space, null);
    }

    public bool IsIn(KvmAddressSpace space) => Volatile.Read(ref _space) == space;

    public bool HasSeen(KvmAddressSpace space, long generation) =>
        _seenSpace == space && _seenGeneration == generation;

    public void See(KvmAddressSpace space, long generation)
    {
        _seenSpace = space;
        _seenGeneration = generation;
    }

    /// <summary>Takes the vCPU for a thread.</summary>
    public void Hold(int tid) => Volatile.Write(ref _tid, tid);

    /// <summary>Makes the run in progress, or the next one, end soon. Callable from any thread.</summary>
    public void Kick(int processId)
    {
        if (IsResident)
        {
            Volatile.Write(ref Resident.Kicked, 1);
        }
        Volatile.Write(ref Run.immediate_exit, 1);
        HostSignal.Tgkill(processId, Volatile.Read(ref _tid), KickSignal);
    }

    /// <summary>Asks the holder to give the vCPU to somebody else.</summary>
    public void Preempt(int processId)
    {
        Volatile.Write(ref _preempt, true);
        Kick(processId);
    }

    /// <summary>Whether <see cref="Preempt"/> has been called since the last time.</summary>
    public bool TakePreempt() => Volatile.Read(ref _preempt) && Interlocked.Exchange(ref _preempt, false);

    /// <summary>
    /// Loads CR3 and forgets all translations; lets a shadowing hypervisor know which tables have changed. False when
    /// the vCPU fails.
    /// </summary>
    public bool Forget(ulong root, HashSet<ulong> staleTables)
    {
        if (IsResident)
        {
            ref ResidentState state = ref Resident;
            state.Root = root;
            state.Forget = 1;
            return staleTables.Count == 0 || _vm.DropShadows(_area.HostAddress) == Errno.None;
        }
        if (ShadowsStay && staleTables.Count > 0)
        {
            Run.sregs.cr3 = root;
            return _vm.DropShadows(_area.HostAddress) == Errno.None;
        }
        if (staleTables.Count == 0 && Run.sregs.cr3 != root)
        {
            Run.sregs.cr3 = root;
            return true;
        }
        Span<ulong> list = TouchList();
        int count = 0;
        foreach (ulong table in staleTables)
        {
            list[count++] = _area.UpperOf(table);
            if (count == list.Length && !TouchTables(root, ref count))
            {
                return false;
            }
        }
        return TouchTables(root, ref count);
    }

    /// <summary>Nanoseconds that <see cref="TrapCode.Calibration"/> takes; -1 when the vCPU fails.</summary>
    public long Calibrate(ulong root)
    {
        LoadKernel(root, _code.Calibration);
        long start = HostTime.Now(HostTime.ClockMonotonic);
        return RunKernel() ? HostTime.Now(HostTime.ClockMonotonic) - start : -1;
    }

    /// <summary>
    /// Whether ring 0 finds what a CPU finds in <see cref="TrapCode.Compute"/>. If not, the vCPU is as it was before.
    /// </summary>
    public bool Computes(ulong root)
    {
        LoadKernel(root, _code.Compute);
        if (RunKernel())
        {
            return Run.regs.rcx == DescriptorTables.KernelCode && Run.regs.rax == TrapCode.Quotient;
        }
        DropException();
        return false;
    }

    /// <summary>What KVM counts of this vCPU under a name; null where it does not.</summary>
    public KvmStatistic? OpenStatistic(ReadOnlySpan<byte> name) => KvmStatistic.Open(_fd.Value, name);

    /// <summary>Reads a word in ring 0, with fresh translations. False when the vCPU fails.</summary>
    public bool Peek(ulong root, ulong address, out ulong value)
    {
        LoadKernel(root, _code.Peek);
        Run.regs.rsi = address;
        bool done = RunKernel();
        value = Run.regs.rax;
        return done;
    }

    /// <summary>Brings the floating-point state out of the vCPU.</summary>
    public Errno SaveFpState(FpState state) => HostIoctl.Ioctl(_fd.Value, K.KVM_GET_XSAVE, ref state.Structure);

    /// <summary>Brings a floating-point state into the vCPU.</summary>
    public Errno LoadFpState(FpState state) => HostIoctl.Ioctl(_fd.Value, K.KVM_SET_XSAVE, ref state.Structure);

    public void Dispose()
    {
        FreeHostStack();
        UnmapRun(_vm.RunBytes);
        _fd.Dispose();
    }

    private Span<ulong> TouchList() =>
        _area.TableAt(_block + VcpuBlock.TouchList)[..VcpuBlock.TouchListEntries];

    private bool TouchTables(ulong root, ref int count)
    {
        LoadKernel(root, _code.TouchTables);
        Run.regs.rsi = _area.UpperOf(_block + VcpuBlock.TouchList);
        Run.regs.rcx = (ulong)count;
        count = 0;
        return RunKernel();
    }

    private void LoadKernel(ulong root, ulong rip)
    {
        ref KvmRun run = ref Run;
        run.regs = default;
        run.regs.rip = rip;
        run.regs.rsp = _area.UpperOf(_block) + VcpuBlock.StackTop;
        run.regs.rflags = 2;
        run.sregs.cs = Segment(DescriptorTables.KernelCode, CodeSegment, 0);
        run.sregs.ss = Segment(DescriptorTables.KernelData, DataSegment, 0);
        run.sregs.cr3 = root;
        run.kvm_dirty_regs = K.KVM_SYNC_X86_REGS | K.KVM_SYNC_X86_SREGS;
    }

    /// <summary>Runs ring-0 code to its HLT. False when anything else happens.</summary>
    private bool RunKernel()
    {
        while (true)
        {
            Errno error = HostIoctl.Ioctl(_fd.Value, K.KVM_RUN, 0, out _);
            if (error is Errno.EINTR or Errno.EAGAIN)
            {
                Run.immediate_exit = 0;
                continue;
            }
            bool trapped = _code.TryGetVector(Run.regs.rip, out _);
            return error == Errno.None && Run.exit_reason == K.KVM_EXIT_HLT && !trapped;
        }
    }

    /// <summary>
    /// Forgets the exception that the next run would begin with. A run that is told to end before it begins still takes
    /// over what it is told of the vCPU's state (KVM API documentation, 5, immediate_exit and kvm_dirty_regs).
    /// </summary>
    private void DropException()
    {
        Run.exception_injected = 0;
        Run.exception_pending = 0;
        Run.kvm_dirty_regs = K.KVM_SYNC_X86_EVENTS;
        Run.immediate_exit = 1;
        HostIoctl.Ioctl(_fd.Value, K.KVM_RUN, 0, out _);
        Run.immediate_exit = 0;
    }

    private Errno SetMsrs(ulong systemCall, ulong compatSystemCall)
    {
        var list = new MsrList { Count = 5 };
        list.Entries[0] = new KvmMsrEntry { index = MsrStar, data = DescriptorTables.Star };
        list.Entries[1] = new KvmMsrEntry { index = MsrLstar, data = systemCall };
        list.Entries[2] = new KvmMsrEntry { index = MsrCstar, data = compatSystemCall };
        list.Entries[3] = new KvmMsrEntry { index = MsrFmask, data = DescriptorTables.SyscallFlagMask };
        list.Entries[4] = new KvmMsrEntry { index = MsrKernelGsBase };
        return HostIoctl.Ioctl(_fd.Value, K.KVM_SET_MSRS, ref list);
    }

    private Errno Initialize(ulong idt, ulong root)
    {
        ulong upper = _area.UpperOf(_block);
        Span<byte> block = _area.BytesAt(_block, VcpuBlock.Bytes);
        DescriptorTables.WriteGdt(block[VcpuBlock.Gdt..], upper + VcpuBlock.Tss);
        DescriptorTables.WriteTss(block[VcpuBlock.Tss..], upper + VcpuBlock.StackTop);
        ref KvmSregs sregs = ref Run.sregs;
        Errno error = HostIoctl.Ioctl(_fd.Value, K.KVM_GET_SREGS, ref sregs);
        if (error != Errno.None)
        {
            return error;
        }
        sregs.cs = Segment(DescriptorTables.KernelCode, CodeSegment, 0);
        sregs.ss = Segment(DescriptorTables.KernelData, DataSegment, 0);
        sregs.ds = sregs.es = sregs.fs = sregs.gs = Segment(0, DataSegment, 3);
        sregs.tr = new KvmSegment
        {
            @base = upper + VcpuBlock.Tss, limit = DescriptorTables.TssBytes - 1,
            selector = DescriptorTables.TaskState, type = BusyTaskState, present = 1,
        };
        // There is no local table: at reset it would be at address 0, where guests have memory.
        sregs.ldt = new KvmSegment { unusable = 1 };
        sregs.gdt.@base = upper + VcpuBlock.Gdt;
        sregs.gdt.limit = DescriptorTables.GdtBytes - 1;
        sregs.idt.@base = idt;
        sregs.idt.limit = DescriptorTables.IdtBytes - 1;
        sregs.cr0 = Cr0;
        sregs.cr3 = root;
        sregs.cr4 = _vm.Cpu.Cr4 | _vm.Cpu.Cr4Xsave;
        sregs.efer = Efer;
        error = HostIoctl.Ioctl(_fd.Value, K.KVM_SET_SREGS, ref sregs);
        if (error == Errno.EINVAL)
        {
            // Where ring 0 is emulated, the guest may have no CR4.OSXSAVE and the host's serves.
            sregs.cr4 = _vm.Cpu.Cr4;
            error = HostIoctl.Ioctl(_fd.Value, K.KVM_SET_SREGS, ref sregs);
        }
        Run.kvm_valid_regs = K.KVM_SYNC_X86_REGS | K.KVM_SYNC_X86_SREGS | K.KVM_SYNC_X86_EVENTS;
        return error == Errno.None ? SetStateComponents() : error;
    }

    private Errno SetStateComponents()
    {
        var list = new XcrList { Count = 1 };
        list.Entries[0] = new KvmXcr { value = _vm.Cpu.Xcr0 };
        return HostIoctl.Ioctl(_fd.Value, K.KVM_SET_XCRS, ref list);
    }

    private static KvmSegment Segment(ushort selector, byte type, byte privilege) => new()
    {
        limit = uint.MaxValue, selector = selector, type = type, present = 1, dpl = privilege,
        s = 1, g = 1, l = (byte)(type == CodeSegment ? 1 : 0), db = (byte)(type == CodeSegment ? 0 : 1),
    };

    /// <summary>struct kvm_msrs with room for five.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MsrList
    {
        public uint Count;
        private readonly uint _pad0;
        public MsrEntries Entries;
    }

    [InlineArray(5)]
    private struct MsrEntries
    {
        private KvmMsrEntry _element;
    }

    /// <summary>struct kvm_xcrs.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct XcrList
    {
        public uint Count;
        public readonly uint Flags;
        public XcrEntries Entries;
        private readonly Padding _padding;
    }

    [InlineArray(16)]
    private struct XcrEntries
    {
        private KvmXcr _element;
    }

    [InlineArray(16)]
    private struct Padding
    {
        private ulong _element;
    }
}
