using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Syscalls;

namespace Sentry.Kernel;

/// <summary>
/// System calls whose answer is the same until the task itself changes it, and sched_yield(2), which the host can do as
/// well: the platform may answer them where they are made, unless somebody wants to see every call.
/// </summary>
// SAFETY: function pointers come from the immutable table of system calls only.
public sealed unsafe partial class Task
{
    private static ReadOnlySpan<ushort> AnswersOfAnyTask => [SysNr.getpid, SysNr.gettid];

    /// <summary>In another user namespace they depend on its maps, which others write.</summary>
    private static ReadOnlySpan<ushort> AnswersInRootUserNamespace =>
        [SysNr.getuid, SysNr.geteuid, SysNr.getgid, SysNr.getegid];

    /// <summary>
    /// Tells the platform what such calls return from now on. By the task itself, whenever an answer has changed. Who
    /// wants to see every call says so before withdrawing the answers: then this sees it, or the offer came first.
    /// </summary>
    private void OfferAnswers()
    {
        IContext? context = Volatile.Read(ref _context);
        if (context is null || OfThisThread != this || Volatile.Read(ref _dispatchFlags) != 0)
        {
            return;
        }

        Offer(context, AnswersOfAnyTask);
        if (Credentials.UserNamespace == Kernel.RootUserNamespace)
        {
            Offer(context, AnswersInRootUserNamespace);
        }
        else
        {
            context.WithdrawAnswers();
            Offer(context, AnswersOfAnyTask);
        }

        context.OfferYield();
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _dispatchFlags) != 0)
        {
            context.WithdrawAnswers();
        }
    }

    private void Offer(IContext context, ReadOnlySpan<ushort> numbers)
    {
        foreach (ushort number in numbers)
        {
            // SAFETY: every entry of the table has a handler of this signature.
            context.OfferAnswer(number, (ulong)SyscallTable.Lookup(number).Handler(this, default).Value);
        }
    }
}
