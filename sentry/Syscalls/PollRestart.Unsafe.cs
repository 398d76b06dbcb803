using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>How restart_syscall(2) goes on with poll(2).</summary>
internal static class PollRestart
{
    /// <summary>Remembers the call for restart_syscall(2).</summary>
    // SAFETY: the function pointer is of a static method of this class, which lives as long as the program.
    public static unsafe SyscallResult Arm(Task task, ulong descriptors, uint count, long deadlineNs)
    {
        ref RestartBlock block = ref task.RestartBlock;
        block.Continue = &Continue;
        block.DeadlineNs = deadlineNs;
        block.Argument0 = descriptors;
        block.Argument1 = count;
        return Errno.ERESTART_RESTARTBLOCK;
    }

    private static SyscallResult Continue(Task task, ref RestartBlock block)
    {
        GuestAddress descriptors = new(block.Argument0);
        uint count = (uint)block.Argument1;
        long deadlineNs = block.DeadlineNs;
        SyscallResult result = PollSyscalls.Wait(task, descriptors, count, deadlineNs);
        return result.Errno == Errno.ERESTARTSYS ? Arm(task, descriptors.Value, count, deadlineNs) : result;
    }
}
