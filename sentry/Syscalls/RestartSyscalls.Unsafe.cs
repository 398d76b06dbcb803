using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Syscalls;

/// <summary>restart_syscall(2).</summary>
// SAFETY: the pointer called is only ever one to a static handler of this assembly.
public static unsafe class RestartSyscalls
{
    /// <summary>Goes on with a call that a stop or an ignored signal interrupted; EINTR when there is none.</summary>
    public static SyscallResult Restart(Task task, in SyscallArguments args)
    {
        ref RestartBlock block = ref task.RestartBlock;
        if (block.Continue is null)
        {
            return Errno.EINTR;
        }

        // SAFETY: only static handlers of this assembly are ever stored there.
        return block.Continue(task, ref block);
    }
}
