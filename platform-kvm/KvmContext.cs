using System;
using System.Threading;
using HostOs;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// One guest thread. Everything but <see cref="Interrupt"/> and <see cref="SetAffinity"/> belongs to one host thread.
/// </summary>
internal abstract class KvmContext : IContext
{
    private const int LongestInstruction = 15;
    private const uint FetchError = 0x14;

    /// <summary>Addresses below it are canonical.</summary>
    private const ulong LowerHalfEnd = 1UL << 47;
    private const byte SoftwareInterrupt = 0xcd;

    /// <summary>In an error code: the selector names a gate of the IDT (SDM vol. 3, 6.13).</summary>
    private const uint IdtError = 2;

    /// <summary>The vCPU of the switch in progress; read by <see cref="Interrupt"/>.</summary>
    private Vcpu? _vcpu;

    /// <summary>A set of <see cref="RunState"/> bits, changed atomically.</summary>
    private int _state;

    /// <summary>Guards <see cref="_disposed"/> against <see cref="SetAffinity"/> from other threads.</summary>
    private readonly Lock _threadGate = new();

    private bool _disposed;

    protected KvmContext(KvmPlatform platform)
    {
        Platform = platform;
        ThreadId = HostUnistd.GetTid();
    }

    /// <summary>The host thread that switches.</summary>
    public int ThreadId { get; protected set; }

    public abstract ref GuestRegisters Registers { get; }

    protected KvmPlatform Platform { get; }

    protected bool IsInterruptPending => (Volatile.Read(ref _state) & (int)RunState.InterruptPending) != 0;

    public abstract SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault);

    public void Interrupt()
    {
        int before = Interlocked.Or(ref _state, (int)RunState.InterruptPending);
        if (before == (int)RunState.Running && Volatile.Read(ref _vcpu) is { } vcpu)
        {
            Platform.Pool.Kick(vcpu);
        }
    }

    public void SetAffinity(ReadOnlySpan<byte> mask)
    {
        lock (_threadGate)
        {
            if (!_disposed)
            {
                HostSched.SetAffinity(ThreadId, mask.IsEmpty ? Platform.AllCpus : mask);
            }
        }
    }

    public abstract void ReadFpState(Span<byte> state);

    public virtual void OfferAnswer(int number, ulong value)
    {
    }

    public virtual void WithdrawAnswers()
    {
    }

    public abstract void WriteFpState(ReadOnlySpan<byte> state);

    public void Dispose()
    {
        if (!_disposed)
        {
            lock (_threadGate)
            {
                _disposed = true;
            }
            Release();
        }
    }

    /// <summary>Gives up what the context owns.</summary>
    protected abstract void Release();

    /// <summary>The floating-point state as it is now, brought to where it can be read.</summary>
    protected abstract ReadOnlySpan<byte> CurrentFpState();

    /// <summary>The vCPU to kick for an interrupt.</summary>
    protected void Seat(Vcpu? vcpu) => Volatile.Write(ref _vcpu, vcpu);

    /// <summary>A switch begins; false when an interrupt was asked for before.</summary>
    protected bool TryBegin() => Interlocked.CompareExchange(ref _state, (int)RunState.Running, 0) == 0;

    /// <summary>The switch ends and has told of any interrupt.</summary>
    protected void End() => Interlocked.Exchange(ref _state, 0);

    /// <summary>
    /// Refuses what the CPU would refuse only once it is in ring 0 or that KVM would not load: instruction pointers
    /// outside the guest's part of the space, and bases that are no addresses.
    /// </summary>
    protected bool MayEnter(out FaultInfo fault)
    {
        ref GuestRegisters r = ref Registers;
        fault = default;
        if (r.Rip < Platform.MaxUserAddress && (r.FsBase | r.GsBase) < LowerHalfEnd)
        {
            return true;
        }
        if (!IsCanonical(r.Rip) || !IsCanonical(r.FsBase) || !IsCanonical(r.GsBase))
        {
            fault = ExceptionSignals.OfGeneralProtection(0);
            return false;
        }
        if (r.Rip >= Platform.MaxUserAddress)
        {
            fault = ExceptionSignals.OfPageFault(r.Rip, FetchError, Platform.MaxUserAddress);
            return false;
        }
        return true;
    }

    protected SwitchReason AtException(KvmAddressSpace space, in GuestTrap trap, ref FaultInfo fault)
    {
        ref GuestRegisters r = ref Registers;
        if (trap.Vector == ExceptionSignals.PageFault)
        {
            fault = ExceptionSignals.OfPageFault(trap.Cr2, trap.ErrorCode, Platform.MaxUserAddress);
            return SwitchReason.Fault;
        }
        if (trap.Vector == ExceptionSignals.Debug)
        {
            TryRead(space, r.Rip - 1, out byte before);
            fault = ExceptionSignals.OfDebug(in r, before);
            return SwitchReason.Fault;
        }
        if (trap.Vector == ExceptionSignals.InvalidOpcode && Platform.IsRing0Emulated &&
            TryRead(space, r.Rip, out byte opcode) && opcode == SoftwareInterrupt &&
            TryRead(space, r.Rip + 1, out byte number))
        {
            // The emulator knows no INT n; a CPU finds no gate for users.
            fault = ExceptionSignals.OfGeneralProtection(((uint)number << 3) | IdtError);
            return SwitchReason.Fault;
        }
        ReadOnlySpan<byte> fp = ExceptionSignals.NeedsFpState(trap.Vector) ? CurrentFpState() : [];
        fault = ExceptionSignals.Of(trap.Vector, trap.ErrorCode, in r, fp);
        return SwitchReason.Fault;
    }

    /// <summary>KVM does not say which page was missing: looks through what the instruction touches.</summary>
    protected ulong FindMissing(KvmAddressSpace space)
    {
        ref GuestRegisters r = ref Registers;
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
            if (host != 0 && SafeCopy.Load32(host & ~3, out _) != Abi.Linux.Errno.None)
            {
                return address;
            }
        }
        return addresses[count - 1];
    }

    private static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;

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
