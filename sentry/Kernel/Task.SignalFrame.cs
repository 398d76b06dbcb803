using System;
using Abi.Linux;
using Platform;
using Sentry.Mm;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private const ulong FpAlignment = 64;

    private byte[]? _fpScratch;

    // Trap information of the last fault, for the frame of the signal it raised.
    private FaultInfo _lastFault;

    /// <summary>Room for one FP image with its end marker, made at the first signal.</summary>
    private byte[] FpScratch => _fpScratch ??= new byte[Kernel.Platform.FpStateBytes + XState.FP_XSTATE_MAGIC2_SIZE];

    /// <summary>Builds the frame for a handler and points the registers at it; a frame that cannot be written raises
    /// SIGSEGV.</summary>
    private void PushHandler(in SigInfo info, in KernelSigaction action)
    {
        ulong maskForFrame = _hasSavedMask ? _savedMask : _signalMask;
        _hasSavedMask = false;
        if (!TryPushFrame(info, action, maskForFrame))
        {
            ForceFrameFault(info.si_signo);
            return;
        }

        ulong blocked = action.sa_mask | _signalMask;
        if ((action.sa_flags & Signals.SA_NODEFER) == 0)
        {
            blocked |= SignalSets.Of(info.si_signo);
        }

        SetSignalMask(blocked);
    }

    /// <summary>No room for a frame: SIGSEGV, which ends the process if it is the signal that could not be delivered
    /// (kernel/signal.c, signal_setup_done).</summary>
    private void ForceFrameFault(int signal)
    {
        if (signal == Signals.SIGSEGV)
        {
            ThreadGroup.SetAction(signal, new KernelSigaction { sa_handler = Signals.SIG_DFL });
        }

        ForceSignal(SigInfos.FromKernel(Signals.SIGSEGV));
    }

    private bool TryPushFrame(in SigInfo info, in KernelSigaction action, ulong mask)
    {
        if ((action.sa_flags & Signals.SA_RESTORER) == 0 || !TryPlaceFrame(action.sa_flags, out ulong fpAddress,
            out ulong frameAddress))
        {
            return false;
        }

        ref GuestRegisters registers = ref Context.Registers;
        RtSigframe frame = default;
        frame.pretcode = action.sa_restorer;
        frame.uc.uc_flags = UcFlags.UC_FP_XSTATE | UcFlags.UC_SIGCONTEXT_SS | UcFlags.UC_STRICT_RESTORE_SS;
        frame.uc.uc_stack = ReportedAltStack(registers.Rsp);
        frame.uc.uc_sigmask = mask;
        SignalFrame.Save(registers, ref frame.uc.uc_mcontext);
        frame.uc.uc_mcontext.trapno = _lastFault.TrapNumber;
        frame.uc.uc_mcontext.err = _lastFault.ErrorCode;
        frame.uc.uc_mcontext.cr2 = _lastFault.IsPageFault ? _lastFault.Address : 0;
        frame.uc.uc_mcontext.oldmask = mask;
        frame.uc.uc_mcontext.fpstate = fpAddress;
        frame.info = (action.sa_flags & Signals.SA_SIGINFO) != 0 ? info : default;

        if (WriteFpFrame(fpAddress) != Errno.None || Mm.Write(new GuestAddress(frameAddress), frame) != Errno.None)
        {
            return false;
        }

        DisarmAltStack();
        registers.Rdi = (ulong)info.si_signo;
        registers.Rax = 0;
        registers.Rsi = frameAddress + SignalFrame.InfoOffset;
        registers.Rdx = frameAddress + SignalFrame.ContextOffset;
        registers.Rip = action.sa_handler;
        registers.Rsp = frameAddress;
        registers.Cs = SignalFrame.UserCodeSelector;
        registers.Ss = SignalFrame.UserDataSelector;
        registers.Eflags = SignalFrame.HandlerFlags(registers.Eflags);
        registers.OrigRax = ulong.MaxValue;
        Context.WriteFpState([]);
        return true;
    }

    /// <summary>Finds room below the stack pointer or on the alternate stack (arch/x86/kernel/signal.c,
    /// get_sigframe).</summary>
    private bool TryPlaceFrame(ulong flags, out ulong fpAddress, out ulong frameAddress)
    {
        ulong stack = Context.Registers.Rsp;
        bool onAltStack = IsOnAltStack(stack);
        bool entering = false;
        stack -= SignalFrame.RedZoneBytes;
        if ((flags & Signals.SA_ONSTACK) != 0 && !onAltStack && HasAltStack(stack))
        {
            stack = unchecked(_altStack.ss_sp + _altStack.ss_size);
            entering = true;
        }

        ulong fpBytes = (ulong)Kernel.Platform.FpStateBytes + XState.FP_XSTATE_MAGIC2_SIZE;
        fpAddress = unchecked(stack - fpBytes) & ~(FpAlignment - 1);
        frameAddress = (unchecked(fpAddress - SignalFrame.FrameBytes) & ~15UL) - 8;
        bool overflows = (onAltStack || entering) && !IsInsideAltStack(frameAddress);
        return !overflows;
    }

    private Errno WriteFpFrame(ulong address)
    {
        byte[] image = FpScratch;
        Context.ReadFpState(image.AsSpan(0, Kernel.Platform.FpStateBytes));
        SignalFrame.Mark(image, Kernel.FpFeatures);
        return Mm.CopyOut(new GuestAddress(address), image);
    }

    /// <summary>rt_sigreturn(2): takes the state back from the frame at the stack pointer. False when the frame
    /// cannot be read.</summary>
    internal bool PopFrame()
    {
        ref GuestRegisters registers = ref Context.Registers;
        GuestAddress frameAddress = new(unchecked(registers.Rsp - 8));
        if (Mm.Read(frameAddress, out RtSigframe frame) != Errno.None)
        {
            return false;
        }

        SetSignalMask(frame.uc.uc_sigmask);
        SignalFrame.Restore(frame.uc.uc_mcontext, ref registers);
        _restart = Errno.None;
        if (!RestoreFpFrame(frame.uc.uc_mcontext.fpstate))
        {
            return false;
        }

        SetAltStack(frame.uc.uc_stack, registers.Rsp);
        return true;
    }

    private bool RestoreFpFrame(ulong address)
    {
        if (address == 0)
        {
            Context.WriteFpState([]);
            return true;
        }

        byte[] image = FpScratch;
        Span<byte> legacy = image.AsSpan(0, SignalFrame.LegacyFpBytes);
        if (Mm.CopyIn(new GuestAddress(address), legacy) != Errno.None)
        {
            return false;
        }

        bool whole = SignalFrame.IsMarked(legacy, image.Length)
            && Mm.CopyIn(new GuestAddress(address), image) == Errno.None
            && SignalFrame.EndsMarked(image);
        if (whole)
        {
            SignalFrame.LimitFeatures(image, Kernel.FpFeatures);
        }
        else
        {
            // A legacy image: x87 and SSE from it, everything newer in its initial state
            // (arch/x86/kernel/fpu/signal.c).
            image.AsSpan(SignalFrame.LegacyFpBytes).Clear();
            image[SignalFrame.LegacyFpBytes] = 3;
        }

        Context.WriteFpState(image.AsSpan(0, Kernel.Platform.FpStateBytes));
        return true;
    }
}
