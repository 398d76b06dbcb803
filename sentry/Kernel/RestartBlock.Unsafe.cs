using Abi.Linux;
using Sentry.Syscalls;

namespace Sentry.Kernel;

/// <summary>
/// How restart_syscall(2) goes on with a call that ended with ERESTART_RESTARTBLOCK; the arguments are its saved
/// state (an absolute deadline, a guest address).
/// </summary>
// SAFETY: the pointer is only ever one to a static handler of this assembly.
public unsafe struct RestartBlock
{
    /// <summary>What to call; null when nothing is to be restarted.</summary>
    public delegate* managed<Task, ref RestartBlock, SyscallResult> Continue;
    public long DeadlineNs;
    public ulong Argument0;
    public ulong Argument1;
    public ulong Argument2;
    public ulong Argument3;
}
