using Abi.Linux;
using HostOs;
using Ring0;
using K = Abi.Linux.Kvm;

namespace Platform.Kvm;

/// <summary>A vCPU that one thread keeps, whose ring 0 runs the Sentry itself.</summary>
internal sealed partial class Vcpu
{
    private const uint InitialMxcsr = 0x1f80;
    private const ushort InitialFcw = 0x37f;
    private const int FcwOffset = 0;
    private const int MxcsrOffset = 24;

    /// <summary>The KVM_RUN loop needs little; the run time's signal handlers interrupt it.</summary>
    private const nuint HostStackBytes = 256 * 1024;

    private nint _hostStack;
    private ulong _switchCode;

    /// <summary>The address space whose root CR3 holds or will hold at the next switch.</summary>
    private KvmAddressSpace? _loaded;

    /// <summary>The one before, until the switch has been made.</summary>
    private KvmAddressSpace? _left;

    /// <summary>Whether a thread keeps this vCPU to stay in ring 0 of it.</summary>
    public bool IsResident { get; private set; }

    /// <summary>The GiB in which the stack of its thread was when last looked for; see <see cref="SentryMap.Prepare"/>.
    /// </summary>
    public ulong StackChunk { get; set; } = ulong.MaxValue;

    /// <summary>Makes a new vCPU one to stay in.</summary>
    public Errno BecomeResident(ResidentCode code, ulong idt, ulong root)
    {
        Errno error = HostMman.Map(
            0, HostStackBytes, HostMman.ProtRead | HostMman.ProtWrite,
            HostMman.MapPrivate | HostMman.MapAnonymous | HostMman.MapNoReserve, -1, 0, out _hostStack);
        error = error == Errno.None ? SetMsrs(code.SystemCall, code.CompatSystemCall) : error;
        error = error == Errno.None ? SetTime() : error;
        if (error != Errno.None)
        {
            return error;
        }
        IsResident = true;
        _switchCode = code.Switch;
        WriteResidentState(code);
        System.BitConverter.TryWriteBytes(_area.BytesAt(_block + VcpuBlock.SentryRoot, sizeof(ulong)), root);
        LoadKernel(root, code.Resume);
        ref KvmSregs sregs = ref Run.sregs;
        sregs.gs.@base = _area.UpperOf(_block);
        sregs.idt.@base = idt;
        sregs.idt.limit = (ushort)((ResidentCode.Vectors * DescriptorTables.GateBytes) - 1);
        sregs.cr4 |= _vm.Cpu.Cr4Resident;
        Run.kvm_valid_regs = 0;
        return Errno.None;
    }

    /// <summary>Seats a guest thread, which this host thread will run.</summary>
    public void Seat(GuestPage guest, int tid)
    {
        Hold(tid);
        ClearAnswers();
        ref ResidentState state = ref Resident;
        state.GuestUpper = guest.UpperAddress;
        state.GuestLower = (ulong)guest.HostAddress;
        state.WantedAddress = 0;
        state.WantedCode = 0;
    }

    /// <summary>An address space is about to be loaded here, whose lock is held. True if it was not before.</summary>
    public bool Load(KvmAddressSpace space)
    {
        if (_loaded == space)
        {
            return false;
        }
        _left = _loaded;
        _loaded = space;
        return true;
    }

    /// <summary>A switch has been made: the address space before the last is no longer used here.</summary>
    public void DropLeft()
    {
        if (_left is { } left)
        {
            _left = null;
            left.Leave();
        }
    }

    /// <summary>Runs the guest thread.</summary>
    public ResidentReason SwitchToGuest()
    {
        Resident.MissingPage = 0;
        return CallSwitch();
    }

    /// <summary>The last run ended because the host had no memory behind a page.</summary>
    public bool IsMissingPage => Resident.MissingPage != 0;

    /// <summary>Whether ring 0 wanted something since the last time and could not have it; 0 is nothing.</summary>
    public bool TakeWanted(out ulong data, out ulong code)
    {
        ref ResidentState state = ref Resident;
        data = state.WantedAddress;
        code = state.WantedCode;
        if ((data | code) == 0)
        {
            return false;
        }
        state.WantedAddress = 0;
        state.WantedCode = 0;
        return true;
    }

    /// <summary>What <see cref="ResidentReason.Failed"/> was.</summary>
    public string DescribeFailure() =>
        $"KVM_RUN: {(long)Resident.Failure}, exit {Run.exit_reason}";

    /// <summary>Any system call makes this thread leave ring 0, whichever it is in.</summary>
    public static void LeaveRing0() => HostSched.Yield();

    /// <summary>Adds up how often ring 0 was left, by what.</summary>
    public void Count(LeaveCounts counts)
    {
        counts.Runs += (long)Resident.Runs;
        counts.Interrupted += (long)Resident.Interrupted;
        for (int i = 0; i < LeaveCounts.Kinds; i++)
        {
            counts.Add(i, LeaveCountAt(i));
        }
    }

    private void WriteResidentState(ResidentCode code)
    {
        ref ResidentState state = ref Resident;
        state.Self = (ulong)_hostBlock;
        state.UpperEnter = code.UpperEnter;
        state.LowerReturn = code.LowerReturn;
        state.HostStack = (ulong)_hostStack + HostStackBytes;
        state.RunPage = (ulong)RunAddress;
        state.Descriptor = (ulong)_fd.Value;
        state.FpLow = (uint)_vm.Cpu.Xcr0;
        state.FpHigh = (uint)(_vm.Cpu.Xcr0 >> 32);
        state.Mxcsr = InitialMxcsr;
        state.BounceInterrupt = ResidentCode.BounceVector;
        System.Span<byte> fp = _area.BytesAt(_block + VcpuBlock.SavedFp, VcpuBlock.LeaveCounts - VcpuBlock.SavedFp);
        System.BitConverter.TryWriteBytes(fp[FcwOffset..], InitialFcw);
        System.BitConverter.TryWriteBytes(fp[MxcsrOffset..], InitialMxcsr);
    }

    /// <summary>The guest's time-stamp counter is the host's: the vDSO reads it in either.</summary>
    private Errno SetTime()
    {
        // The attribute's value is a word of the block, which is 0.
        var attribute = new KvmDeviceAttr
        {
            group = K.KVM_VCPU_TSC_CTRL, attr = K.KVM_VCPU_TSC_OFFSET,
            addr = (ulong)_hostBlock + VcpuBlock.Resident,
        };
        return HostIoctl.Ioctl(_fd.Value, K.KVM_SET_DEVICE_ATTR, ref attribute);
    }

    private void FreeHostStack()
    {
        if (_hostStack != 0)
        {
            HostMman.Unmap(_hostStack, HostStackBytes);
        }
    }
}
