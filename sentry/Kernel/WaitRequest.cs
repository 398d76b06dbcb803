using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>Which children wait4(2) or waitid(2) is about, and how.</summary>
public struct WaitRequest
{
    /// <summary>P_ALL, P_PID or P_PGID.</summary>
    public int IdType;

    /// <summary>Process or leader of the process group; null for P_ALL.</summary>
    public Pid? Target;

    /// <summary>WNOHANG, WEXITED, WSTOPPED, WCONTINUED, WNOWAIT, __WALL, __WCLONE, __WNOTHREAD.</summary>
    public int Options;

    /// <summary>A pidfd with PIDFD_NONBLOCK: EAGAIN instead of sleeping.</summary>
    public bool IsNonBlocking;
}

/// <summary>What a wait found.</summary>
public struct WaitResult
{
    /// <summary>Process id in the caller's namespace; 0 when nothing had changed (WNOHANG).</summary>
    public int ProcessId;

    /// <summary>Real user of the child, a kuid.</summary>
    public uint KernelUid;

    /// <summary>Wait status, wait(2).</summary>
    public int Status;

    /// <summary>CLD_* code and si_status for waitid(2).</summary>
    public int Code;
    public int CodeStatus;

    /// <summary>CPU time of the child and its reaped descendants.</summary>
    public CpuTimes Times;

    /// <summary>Other counters of the same.</summary>
    public ResourceCounters Counters;
}
