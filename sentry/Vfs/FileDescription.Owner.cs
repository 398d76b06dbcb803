using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>Signal-driven I/O settings (fcntl(2) F_SETOWN, F_SETSIG).</summary>
public abstract partial class FileDescription
{
    /// <summary>Receiver of SIGIO and SIGURG; pid 0 for none.</summary>
    public FOwnerEx SignalOwner { get; set; }

    /// <summary>Signal sent instead of SIGIO; 0 for SIGIO without siginfo.</summary>
    public int SignalNumber { get; set; }
}
