using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;linux/membarrier.h&gt;</c>.</summary>
public static class HostMembarrier
{
    /// <summary>membarrier(2): every thread of the machine passes a memory barrier before this returns
    /// (MEMBARRIER_CMD_GLOBAL).</summary>
    public static Errno Global() =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.membarrier, Membarrier.MEMBARRIER_CMD_GLOBAL, 0, 0));
}
