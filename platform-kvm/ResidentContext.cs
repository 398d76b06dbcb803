using System;
using System.Threading;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// A guest thread whose host thread stays in ring 0 of one vCPU: a system call of the guest comes back without leaving
/// the virtual machine. The thread drops to host mode whenever it makes a system call of its own, and the next switch
/// takes it back.
/// </summary>
internal sealed class ResidentContext : KvmContext
{
    private readonly Vcpu _vcpu;
    private readonly GuestPage _page;

    /// <summary>Guards the answers of the vCPU, which is another's in the end.</summary>
    private readonly Lock _answerGate = new();

    /// <summary>Guarded by <see cref="_answerGate"/>.</summary>
    private bool _answersNothing;

    /// <summary>The vCPU cannot go on, with nobody.</summary>
    private bool _failed;

    private ResidentContext(KvmPlatform platform, Vcpu vcpu, GuestPage page)
        : base(platform)
    {
        _vcpu = vcpu;
        _page = page;
        platform.FpFormat.Initialize(FpArea);
        vcpu.Seat(page, ThreadId);
        Seat(vcpu);
    }

    public override ref GuestRegisters Registers => ref _page.Registers;

    private Span<byte> FpArea => _page.Fp[..Platform.FpFormat.Bytes];

    /// <summary>Null when there is no vCPU to keep, or no memory.</summary>
    public static ResidentContext? Create(KvmPlatform platform)
    {
        Vcpu? vcpu = platform.Pool.TakeResident(platform.MakeResident);
        if (vcpu is null)
        {
            return null;
        }
        GuestPage? page = GuestPage.Create(platform.Area);
        if (page is null)
        {
            platform.Pool.ReturnResident(vcpu);
            return null;
        }
        return new ResidentContext(platform, vcpu, page);
    }

    public override SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault)
    {
        _page.Registers.OrigRax = ulong.MaxValue;
        if (!MayEnter(out fault))
        {
            return SwitchReason.Fault;
        }
        SwitchReason reason = TryBegin() ? Run((KvmAddressSpace)addressSpace, ref fault) : SwitchReason.Interrupted;
        End();
        return reason;
    }

    public override void ReadFpState(Span<byte> state)
    {
        ReadOnlySpan<byte> current = CurrentFpState();
        current[..int.Min(state.Length, current.Length)].CopyTo(state);
    }

    public override void WriteFpState(ReadOnlySpan<byte> state)
    {
        CompleteFpState();
        if (state.IsEmpty)
        {
            Platform.FpFormat.Initialize(FpArea);
        }
        else
        {
            Platform.FpFormat.Accept(state, FpArea);
        }
    }

    public override void OfferAnswer(int number, ulong value)
    {
        lock (_answerGate)
        {
            if (!_answersNothing)
            {
                _vcpu.SetAnswer(number, value);
            }
        }
    }

    public override void WithdrawAnswers()
    {
        lock (_answerGate)
        {
            if (!_answersNothing)
            {
                _vcpu.ClearAnswers();
            }
        }
    }

    protected override ReadOnlySpan<byte> CurrentFpState()
    {
        CompleteFpState();
        return FpArea;
    }

    protected override void Release()
    {
        // This thread may be in ring 0 of the vCPU that it gives back.
        Vcpu.LeaveRing0();
        lock (_answerGate)
        {
            _answersNothing = true;
        }
        if (!_failed)
        {
            Platform.Pool.ReturnResident(_vcpu);
            _page.Dispose();
        }
    }

    private SwitchReason Run(KvmAddressSpace space, ref FaultInfo fault)
    {
        while (true)
        {
            if (!Platform.Sentry!.Prepare(_vcpu) || !space.Enter(_vcpu))
            {
                return SwitchReason.Dead;
            }
            ResidentReason reason = _vcpu.SwitchToGuest();
            _vcpu.Retract();
            _vcpu.DropLeft();
            switch (reason)
            {
                case ResidentReason.SystemCall:
                    return SwitchReason.SystemCall;
                case ResidentReason.Exception:
                    var trap = new GuestTrap
                    {
                        Vector = (int)_page.State.Vector, ErrorCode = _page.State.ErrorCode, Cr2 = _page.State.Cr2,
                    };
                    return AtException(space, in trap, ref fault);
                case ResidentReason.Failed:
                    _failed = true;
                    Platform.Log?.Invoke("kvm: " + _vcpu.DescribeFailure());
                    return SwitchReason.Dead;
            }
            if (_vcpu.IsMissingPage)
            {
                fault = ExceptionSignals.OfMissingPage(FindMissing(space));
                return SwitchReason.Fault;
            }
            if (IsInterruptPending)
            {
                return SwitchReason.Interrupted;
            }
        }
    }

    /// <summary>x87 comes out of the CPU when this thread leaves ring 0.</summary>
    private void CompleteFpState()
    {
        if (_page.State.FpLive != 0)
        {
            Vcpu.LeaveRing0();
        }
    }
}
