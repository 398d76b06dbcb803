using Abi.Linux;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// Patched call sites as one guest thread meets them: calls that come in without a signal, and traps in code that is
/// not the guest's but stands for it.
/// </summary>
internal sealed partial class SystrapContext
{
    private const ulong TrapFlag = 0x100;

    /// <summary>Traps at a site before it is patched: about what a patch costs.</summary>
    private const int PatchThreshold = 24;

    /// <summary>
    /// Jumps into a site, each a trap that the program does not have, after which it must go; and how many patched
    /// calls between two of them are worth it.
    /// </summary>
    private const int MostJumps = 100;
    private const int CallsPerJump = 4;

    private readonly SiteCounter _sites = new();
    private readonly SiteCounter _jumps = new();
    private long _callsAtJump;

    /// <summary>System calls that came in by a patched site.</summary>
    public long PatchedCalls { get; private set; }

    /// <summary>System calls that came in by a signal.</summary>
    public long TrappedCalls { get; private set; }

    /// <summary>System calls answered in stub threads that are given back.</summary>
    private long _answeredBefore;

    /// <summary>System calls answered in the stub, as its memory says. Any thread.</summary>
    public long AnsweredCalls => _answeredBefore + (_thread?.Memory.Answered ?? 0);

    /// <summary>Answers on offer, by the low four bits of the number; guarded by the lock of the thread.</summary>
    private readonly (int Number, ulong Value)[] _answers = new (int, ulong)[ContextSlot.AnswerCount];

    /// <summary>Bits of the answers that are on offer; guarded by the lock of the thread.</summary>
    private int _offered;

    /// <summary>The stub may make sched_yield(2) by itself; guarded by the lock of the thread.</summary>
    private bool _yields;

    /// <summary>Registers as the guest has last been told them in a patched call.</summary>
    private GuestRegisters _handed;

    /// <summary>Where a fault was last taken for one of a patch that has been dropped.</summary>
    private ulong _retriedAt;

    public void OfferAnswer(int number, ulong value)
    {
        int place = number & (ContextSlot.AnswerCount - 1);
        lock (_threadLock)
        {
            _answers[place] = (number, value);
            _offered |= 1 << place;
            _thread?.Memory.SetAnswer(number, value);
        }
    }

    public void OfferYield()
    {
        lock (_threadLock)
        {
            _yields = true;
            _thread?.Memory.SetYields();
        }
    }

    public void WithdrawAnswers()
    {
        lock (_threadLock)
        {
            _offered = 0;
            _yields = false;
            _thread?.Memory.ClearAnswers();
        }
    }

    private void OfferAnswersLocked()
    {
        if (_yields)
        {
            _thread!.Memory.SetYields();
        }
        for (int i = 0; i < _answers.Length; i++)
        {
            if ((_offered & (1 << i)) != 0)
            {
                _thread!.Memory.SetAnswer(_answers[i].Number, _answers[i].Value);
            }
        }
    }

    /// <summary>Whether an address is in the stub's code or trampolines.</summary>
    private bool StubHas(ulong address) =>
        address - _platform.Region.Base < SystrapLayout.TrampolinesOffset + SystrapLayout.TrampolineBytes;

    private SwitchReason AtPatchedCall(
        SystrapAddressSpace space, StubThread thread, ref GuestRegisters r, ref FaultInfo fault)
    {
        PatchedCalls++;
        thread.Memory.LoadCall(ref r);
        if (!TryGetSite(space, r.Rip, out CallSite site))
        {
            // The guest went to the stub's code by itself, or wrote its slot.
            fault = GeneralProtectionFault(0);
            return SwitchReason.Fault;
        }
        space.Patches.NoteUse(r.Rip - _platform.Region.Trampolines);
        r.Rip = site.After;
        r.Rcx = r.Rip;
        r.R11 = r.Eflags;
        _handed = r;
        return SwitchReason.SystemCall;
    }

    /// <summary>The site whose trampoline an address lies in.</summary>
    private bool TryGetSite(SystrapAddressSpace space, ulong address, out CallSite site)
    {
        ulong offset = address - _platform.Region.Trampolines;
        site = default;
        return offset < SystrapLayout.TrampolineBytes && space.Patches.TryGetSite(offset, out site);
    }

    /// <summary>
    /// A thread was stopped in the stub's code or in a trampoline: its registers become those it has from the guest's
    /// point of view. A call that has not been handed over has not begun; a call that has been answered is over. A
    /// guest
    /// that went there by itself stays where it is, or where it was.
    /// </summary>
    private void Leave(SystrapAddressSpace space, ref GuestRegisters r)
    {
        ulong offset = r.Rip - _platform.Region.Base;
        SystrapPage page = _platform.Region.Page;
        if (TryGetSite(space, r.Rip, out CallSite site))
        {
            r.Rip = site.Logical((int)(r.Rip % CallSite.TrampolineBytes));
            return;
        }
        if (offset < (ulong)page.CallOffset || offset >= (ulong)page.EndOffset)
        {
            return;
        }
        if (offset >= (ulong)page.CallGivenOffset)
        {
            // A thread that has not got as far as the frame that was prepared for it has yet to get its state.
            _fpPlace = _isPrepared ? FpPlace.Here : _fpPlace;
            r = _handed;
            return;
        }
        if (offset >= (ulong)page.CallSavedOffset)
        {
            bool flags = offset >= (ulong)page.CallFlagsOffset;
            _thread!.Memory.LoadBegun(ref r, flags, offset >= (ulong)page.CallSavingOffset);
        }
        if (TryGetSite(space, r.R11, out site))
        {
            r.Rip = site.Resume;
        }
    }

    /// <summary>
    /// Whether a fault is none of the guest's: a jump into a patched site, a patch that came or went while the thread
    /// was
    /// in the middle of it, a step inside a trampoline. The registers are set right and the thread can go on.
    /// </summary>
    private bool CausedByPatch(SystrapAddressSpace space, in TrapInfo trap, ulong rip, ref GuestRegisters r)
    {
        if (!space.Patches.IsUsed || trap.Code <= 0)
        {
            return false;
        }
        if (trap.Signal == Signals.SIGTRAP)
        {
            return StepsInTrampoline(space, rip, ref r);
        }
        bool mayBe = trap.Signal == Signals.SIGILL || trap.Signal == Signals.SIGSEGV &&
            (trap.Code == SiKernel || trap.Address - SystrapLayout.TableAddress < SystrapLayout.TableBytes);
        if (!mayBe || StubHas(rip) || !space.Patches.MayCauseFault(rip, out bool isPatched))
        {
            return false;
        }
        bool again = rip == _retriedAt;
        _retriedAt = isPatched ? 0 : rip;
        if (isPatched && CostsMoreThanItSaves(rip))
        {
            space.Unpatch(rip);
        }
        return isPatched || !again;
    }

    /// <summary>Whether the program jumps there again and again, and makes few patched calls meanwhile.</summary>
    private bool CostsMoreThanItSaves(ulong hidden)
    {
        long calls = PatchedCalls - _callsAtJump;
        _callsAtJump = PatchedCalls;
        if (calls > CallsPerJump)
        {
            _jumps.Clear();
        }
        return _jumps.Count(hidden) > MostJumps;
    }

    /// <summary>
    /// A thread that set the trap flag itself has stepped into a trampoline: the jump there is no step of the guest.
    /// </summary>
    private bool StepsInTrampoline(SystrapAddressSpace space, ulong rip, ref GuestRegisters r)
    {
        if (!TryGetSite(space, rip, out CallSite site) || r.Rip != site.Start)
        {
            return false;
        }
        if (rip % CallSite.TrampolineBytes != 0)
        {
            // The number is in place.
            r.Rip = site.SyscallAddress;
            return !site.IsNumbered;
        }
        return true;
    }

    private void CountSite(SystrapAddressSpace space, in GuestRegisters r)
    {
        int traps = _sites.Count(r.Rip);
        if (traps == 0)
        {
            return;
        }
        if (_platform.Patching != Patching.Eager && traps < PatchThreshold)
        {
            space.Learn(r.Rip, (uint)r.OrigRax);
        }
        else if (!space.TryPatch(r.Rip, (uint)r.OrigRax))
        {
            _sites.GiveUp(r.Rip);
        }
    }
}
