using Abi.Linux;
using Platform;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private const int SyscallInstructionBytes = 2;

    private enum RestartContext
    {
        HandlerRuns,
        NoHandler,
    }

    // Restart code of the system call that just ended, until the decision.
    private Errno _restart;
    private RestartBlock _restartBlock;

    /// <summary>State for restart_syscall(2); a call fills it before it answers ERESTART_RESTARTBLOCK.</summary>
    public ref RestartBlock RestartBlock => ref _restartBlock;

    /// <summary>
    /// The one place that decides what becomes of an interrupted system call (signal(7); arch/x86/kernel/signal.c,
    /// handle_signal and arch_do_signal_or_restart).
    /// </summary>
    private void ResolveRestart(RestartContext context, ulong handlerFlags)
    {
        Errno code = _restart;
        if (code == Errno.None)
        {
            return;
        }

        _restart = Errno.None;
        bool again = code switch
        {
            Errno.ERESTARTNOINTR => true,
            Errno.ERESTARTSYS => context == RestartContext.NoHandler || (handlerFlags & Signals.SA_RESTART) != 0,
            _ => context == RestartContext.NoHandler,
        };

        ref GuestRegisters registers = ref Context.Registers;
        if (!again)
        {
            registers.Rax = unchecked((ulong)-(long)Errno.EINTR);
            return;
        }

        registers.Rip -= SyscallInstructionBytes;
        registers.Rax = code == Errno.ERESTART_RESTARTBLOCK ? SysNr.restart_syscall : registers.OrigRax;
    }
}
