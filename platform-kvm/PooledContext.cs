using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// A guest thread whose host thread stays in host mode and borrows a vCPU for each switch: its registers and its
/// floating-point state, which is here or in the vCPU that ran it last.
/// </summary>
internal sealed class PooledContext : KvmContext
{
    private readonly RegisterBlock _registers = new();

    public PooledContext(KvmPlatform platform)
        : base(platform)
    {
        platform.FpFormat.Initialize(FpState.Bytes[..platform.FpFormat.Bytes]);
    }

    /// <summary>The floating-point state, unless <see cref="FpVcpu"/> has it.</summary>
    public FpState FpState { get; } = new();

    /// <summary>The vCPU that has the state; guarded by the pool's lock.</summary>
    public Vcpu? FpVcpu { get; set; }

    public override ref GuestRegisters Registers => ref _registers.Value;

    public override SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault)
    {
        _registers.Value.OrigRax = ulong.MaxValue;
        if (!MayEnter(out fault))
        {
            return SwitchReason.Fault;
        }
        ThreadId = FpVcpu is null ? HostUnistd.GetTid() : ThreadId;
        Vcpu? vcpu = Platform.Pool.Take(this);
        if (vcpu is null)
        {
            Platform.Log?.Invoke("kvm: the host gives no vCPU");
            return SwitchReason.Dead;
        }
        Seat(vcpu);
        SwitchReason reason = SwitchReason.Interrupted;
        if (TryBegin())
        {
            reason = Run((KvmAddressSpace)addressSpace, vcpu, ref fault);
        }
        End();
        Seat(null);
        Platform.Pool.Return(vcpu);
        return reason;
    }

    public override void ReadFpState(Span<byte> state)
    {
        Platform.Pool.FetchFpState(this);
        FpState.Bytes[..int.Min(state.Length, Platform.FpFormat.Bytes)].CopyTo(state);
    }

    public override void WriteFpState(ReadOnlySpan<byte> state)
    {
        Platform.Pool.DropFpState(this);
        Span<byte> area = FpState.Bytes[..Platform.FpFormat.Bytes];
        if (state.IsEmpty)
        {
            Platform.FpFormat.Initialize(area);
        }
        else
        {
            Platform.FpFormat.Accept(state, area);
        }
    }

    protected override void Release()
    {
        Platform.Pool.DropFpState(this);
        _registers.Dispose();
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
                    return AtException(space, in trap, ref fault);
                case RunOutcome.MissingPage:
                    fault = ExceptionSignals.OfMissingPage(FindMissing(space));
                    return SwitchReason.Fault;
                case RunOutcome.Failed:
                    Platform.Log?.Invoke("kvm: " + vcpu.Failure);
                    return SwitchReason.Dead;
            }
            if (IsInterruptPending)
            {
                return SwitchReason.Interrupted;
            }
            if (vcpu.TakePreempt())
            {
                return SwitchReason.Preempted;
            }
        }
    }

    protected override ReadOnlySpan<byte> CurrentFpState()
    {
        Platform.Pool.FetchFpState(this);
        return FpState.Bytes;
    }
}
