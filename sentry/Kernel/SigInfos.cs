using Abi.Linux;
using Platform;

namespace Sentry.Kernel;

/// <summary>Makes siginfo_t values (sigaction(2)).</summary>
public static class SigInfos
{
    /// <summary>A signal of the kernel itself (SI_KERNEL).</summary>
    public static SigInfo FromKernel(int signal) => new() { si_signo = signal, si_code = SigCode.SI_KERNEL };

    /// <summary>kill(2) or tgkill(2) of a task as <paramref name="receiver"/> sees the sender.</summary>
    public static SigInfo FromSender(int signal, int code, Task sender, ThreadGroup receiver) => new()
    {
        si_signo = signal,
        si_code = code,
        si_pid = sender.ThreadGroup.Identity.NumberIn(receiver.PidNamespace),
        si_uid = receiver.Leader.Credentials.UserNamespace.FromKernelUidOrOverflow(sender.Credentials.RealUid),
    };

    /// <summary>A fault of the CPU.</summary>
    public static SigInfo FromFault(in FaultInfo fault) =>
        new() { si_signo = fault.Signal, si_code = fault.Code, si_addr = fault.Address };

    /// <summary>A fault at an address.</summary>
    public static SigInfo FromFault(int signal, int code, ulong address) =>
        new() { si_signo = signal, si_code = code, si_addr = address };
}
