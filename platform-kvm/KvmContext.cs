using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// One guest thread: its registers and its floating-point state, which is here or in the vCPU that ran it last.
/// Everything but <see cref="Interrupt"/> and <see cref="SetAffinity"/> belongs to one host thread.
/// </summary>
internal sealed class KvmContext : IContext
{
    private const int LongestInstruction = 15;
    private const uint FetchError = 0x14;
    private const byte SoftwareInterrupt = 0xcd;

    /// <summary>In an error code: the selector names a gate of the IDT (SDM vol. 3, 6.13).</summary>
    private const uint IdtError = 2;

    private readonly KvmPlatform _platform;
    private readonly RegisterBlock _registers = new();

    /// <summary>The vCPU of the switch in progress; read by <see cref="Interrupt"/>.</summary>
    private Vcpu? _vcpu;

    /// <summary>A set of <see cref="RunState"/> bits, changed atomically.</summary>
    private int _state;

    /// <summary>Guards <see cref="_disposed"/> against <see cref="SetAffinity"/> from other threads.</summary>
    private readonly Lock _threadGate = new();

    private bool _disposed;

    public KvmContext(KvmPlatform platform)
    {
        _platform = platform;
        ThreadId = HostUnistd.GetTid();
        platform.FpFormat.Initialize(FpState.Bytes[..platform.FpFormat.Bytes]);
    }

    /// <summary>The host thread that switches.</summary>
    public int ThreadId { get; private set; }

    /// <summary>The floating-point state, unless <see cref="FpVcpu"/> has it.</summary>
    public FpState FpState { get; } = new();

    /// <summary>The vCPU that has the state; guarded by the pool's lock.</summary>
    public Vcpu? FpVcpu { get; set; }

    public ref GuestRegisters Registers => ref _registers.Value;

    public SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault)
    {
        _registers.Value.OrigRax = ulong.MaxValue;
        if (!MayEnter(out fault))
        {
            return SwitchReason.Fault;
        }
        ThreadId = FpVcpu is null ? HostUnistd.GetTid() : ThreadId;
        Vcpu? vcpu = _platform.Pool.Take(this);
        if (vcpu is null)
        {
            _platform.Log?.Invoke("kvm: the host gives no vCPU");
            return SwitchReason.Dead;
        }
        Volatile.Write(ref _vcpu, vcpu);
        SwitchReason reason = SwitchReason.Interrupted;
        if (Interlocked.CompareExchange(ref _state, (int)RunState.Running, 0) == 0)
        {
            reason = Run((KvmAddressSpace)addressSpace, vcpu, ref fault);
        }
        Interlocked.Exchange(ref _state, 0);
        Volatile.Write(ref _vcpu, null);
        _platform.Pool.Return(vcpu);
        return reason;
    }

    public void Interrupt()
    {
        int before = Interlocked.Or(ref _state, (int)RunState.InterruptPending);
        if (before == (int)RunState.Running && Volatile.Read(ref _vcpu) is { } vcpu)
        {
            _platform.Pool.Kick(vcpu);
        }
    }

    public void SetAffinity(ReadOnlySpan<byte> mask)
    {
        lock (_threadGate)
        {
            if (!_disposed)
            {
                HostSched.SetAffinity(ThreadId, mask.IsEmpty ? _platform.AllCpus : mask);
            }
        }
    }

    public void ReadFpState(Span<byte> state)
    {
        _platform.Pool.FetchFpState(this);
        FpState.Bytes[..int.Min(state.Length, _platform.FpFormat.Bytes)].CopyTo(state);
    }

    public void WriteFpState(ReadOnlySpan<byte> state)
    {
        _platform.Pool.DropFpState(this);
        Span<byte> area = FpState.Bytes[.._platform.FpFormat.Bytes];
        if (state.IsEmpty)
        {
            _platform.FpFormat.Initialize(area);
        }
        else
        {
            _platform.FpFormat.Accept(state, area);
        }
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            lock (_threadGate)
            {
                _disposed = true;
            }
            _platform.Pool.DropFpState(this);
            _registers.Dispose();
        }
    }

    private SwitchReason Run(KvmAddressSpace space, Vcpu vcpu, ref FaultInfo fault)
    {
        while (true)
        {
            if (!space.Enter(vcpu))
            {
                return SwitchReason.Dead;
            }
            RunOutcome outcome = vcpu.RunGuest(ref _registers.Value, out GuestTrap trap);
            vcpu.Retract();
            switch (outcome)
            {
                case RunOutcome.SystemCall:
                    _registers.Value.OrigRax = _registers.Value.Rax;
                    return SwitchReason.SystemCall;
                case RunOutcome.Exception:
                    return AtException(space, vcpu, in trap, ref fault);
                case RunOutcome.MissingPage:
                    fault = ExceptionSignals.OfMissingPage(FindMissing(space));
                    return SwitchReason.Fault;
                case RunOutcome.Failed:
                    _platform.Log?.Invoke("kvm: " + vcpu.Failure);
                    return SwitchReason.Dead;
            }
            if ((Volatile.Read(ref _state) & (int)RunState.InterruptPending) != 0)
            {
                return SwitchReason.Interrupted;
            }
            if (vcpu.TakePreempt())
            {
                return SwitchReason.Preempted;
            }
        }
    }

    private SwitchReason AtException(KvmAddressSpace space, Vcpu vcpu, in GuestTrap trap, ref FaultInfo fault)
    {
        ref GuestRegisters r = ref _registers.Value;
        if (trap.Vector == ExceptionSignals.PageFault)
        {
            fault = ExceptionSignals.OfPageFault(trap.Cr2, trap.ErrorCode, _platform.MaxUserAddress);
            return SwitchReason.Fault;
        }
        if (trap.Vector == ExceptionSignals.InvalidOpcode && _platform.IsRing0Emulated &&
            TryRead(space, r.Rip, out byte opcode) && opcode == SoftwareInterrupt &&
            TryRead(space, r.Rip + 1, out byte number))
        {
            // The emulator knows no INT n; a CPU finds no gate for users.
            fault = ExceptionSignals.OfGeneralProtection(((uint)number << 3) | IdtError);
            return SwitchReason.Fault;
        }
        if (ExceptionSignals.NeedsFpState(trap.Vector))
        {
            vcpu.SaveFpState(FpState);
        }
        fault = ExceptionSignals.Of(trap.Vector, trap.ErrorCode, in r, FpState.Bytes);
        return SwitchReason.Fault;
    }

    /// <summary>
    /// Refuses what the CPU would refuse only once it is in ring 0 or that KVM would not load: instruction pointers
    /// outside the guest's part of the space, and bases that are no addresses.
    /// </summary>
    private bool MayEnter(out FaultInfo fault)
    {
        ref GuestRegisters r = ref _registers.Value;
        fault = default;
        if (!IsCanonical(r.Rip) || !IsCanonical(r.FsBase) || !IsCanonical(r.GsBase))
        {
            fault = ExceptionSignals.OfGeneralProtection(0);
            return false;
        }
        if (r.Rip >= _platform.MaxUserAddress)
        {
            fault = ExceptionSignals.OfPageFault(r.Rip, FetchError, _platform.MaxUserAddress);
            return false;
        }
        return true;
    }

    private static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;

    /// <summary>KVM does not say which page was missing: looks through what the instruction touches.</summary>
    private ulong FindMissing(KvmAddressSpace space)
    {
        ref GuestRegisters r = ref _registers.Value;
        Span<byte> code = stackalloc byte[LongestInstruction];
        int length = 0;
        while (length < code.Length && TryRead(space, r.Rip + (ulong)length, out code[length]))
        {
            length++;
        }
        Span<ulong> addresses = stackalloc ulong[8];
        int count = OperandAddresses.Find(code[..length], new RegisterValues(r), addresses);
        foreach (ulong address in addresses[..count])
        {
            nint host = space.HostAddressOf(address);
            if (host != 0 && SafeCopy.Load32(host & ~3, out _) != Errno.None)
            {
                return address;
            }
        }
        return addresses[count - 1];
    }

    private static bool TryRead(KvmAddressSpace space, ulong address, out byte value)
    {
        value = 0;
        nint host = space.HostAddressOf(address);
        return host != 0 && SafeCopy.CopyIn(new Span<byte>(ref value), host) == 0;
    }

    /// <summary>Registers as the decoder wants them.</summary>
    private sealed class RegisterValues(GuestRegisters registers) : IRegisterValues
    {
        public ulong FsBase => registers.FsBase;

        public ulong GsBase => registers.GsBase;

        public ulong Rip => registers.Rip;

        public ulong General(int number) => number switch
        {
            0 => registers.Rax,
            1 => registers.Rcx,
            2 => registers.Rdx,
            3 => registers.Rbx,
            4 => registers.Rsp,
            5 => registers.Rbp,
            6 => registers.Rsi,
            7 => registers.Rdi,
            8 => registers.R8,
            9 => registers.R9,
            10 => registers.R10,
            11 => registers.R11,
            12 => registers.R12,
            13 => registers.R13,
            14 => registers.R14,
            _ => registers.R15,
        };
    }
}

/// <summary>What <see cref="KvmContext.Interrupt"/> needs to know.</summary>
[Flags]
internal enum RunState
{
    Idle = 0,

    /// <summary>A vCPU runs guest code, or is about to.</summary>
    Running = 1,

    /// <summary>An interrupt has been asked for and not been answered.</summary>
    InterruptPending = 2,
}
