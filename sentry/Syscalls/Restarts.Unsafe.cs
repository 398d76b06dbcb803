using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Fills restart blocks: what restart_syscall(2) calls when a call was interrupted by something without a
/// handler.</summary>
// SAFETY: only addresses of methods are taken, each with the signature that RestartBlock.Continue names.
internal static unsafe class Restarts
{
    /// <summary>nanosleep(2) until a monotonic time.</summary>
    internal static void Sleep(Task task, long deadlineNs, GuestAddress remaining)
    {
        // SAFETY: the method named has the signature of RestartBlock.Continue.
        task.RestartBlock = new RestartBlock
        {
            Continue = &SleepSyscalls.ContinueSleep,
            DeadlineNs = deadlineNs,
            Argument0 = remaining.Value,
        };
    }

    /// <summary>clock_nanosleep(2) until a CPU clock shows a value.</summary>
    internal static void CpuSleep(Task task, long expiryNs, int clockId, GuestAddress remaining)
    {
        // SAFETY: the method named has the signature of RestartBlock.Continue.
        task.RestartBlock = new RestartBlock
        {
            Continue = &SleepSyscalls.ContinueCpuSleep,
            DeadlineNs = expiryNs,
            Argument0 = remaining.Value,
            Argument1 = (uint)clockId,
        };
    }

    /// <summary>FUTEX_WAIT with a time-out; <paramref name="scopeAndBitset"/> as the handler packs them.</summary>
    internal static void FutexWait(Task task, long deadlineNs, GuestAddress address, uint expected,
        ulong scopeAndBitset)
    {
        // SAFETY: the method named has the signature of RestartBlock.Continue.
        task.RestartBlock = new RestartBlock
        {
            Continue = &FutexSyscalls.ContinueWait,
            DeadlineNs = deadlineNs,
            Argument0 = address.Value,
            Argument1 = expected,
            Argument2 = scopeAndBitset,
        };
    }
}
