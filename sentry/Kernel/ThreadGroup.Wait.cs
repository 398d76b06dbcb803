using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class ThreadGroup
{
    /// <summary>Takes (or, with WNOWAIT, looks at) a state change of this child for <paramref name="waiter"/>; under
    /// TasksLock.</summary>
    internal bool TryCollectLocked(Task waiter, int options, ref WaitResult result)
    {
        bool keep = (options & Wait.WNOWAIT) != 0;
        if (_isDead)
        {
            return !_isHeld && (options & Wait.WEXITED) != 0 && CollectExitLocked(waiter, keep, ref result);
        }

        using (SignalLock.Enter())
        {
            if ((options & Wait.WSTOPPED) != 0 && _isStopped && _stopSignal != 0)
            {
                FillLocked(waiter, SigCode.CLD_STOPPED, _stopSignal, WaitStatus.Stopped(_stopSignal), ref result);
                _stopSignal = keep ? _stopSignal : 0;
                return true;
            }

            if ((options & Wait.WCONTINUED) != 0 && _continuedUnreported)
            {
                FillLocked(waiter, SigCode.CLD_CONTINUED, Signals.SIGCONT, WaitStatus.__W_CONTINUED, ref result);
                _continuedUnreported = keep;
                return true;
            }
        }

        return false;
    }

    /// <summary>False for an ended child when nobody asks for ends: nothing else will come of it (kernel/exit.c,
    /// wait_consider_task).</summary>
    internal bool CanChangeLocked(int options) => !_isDead || _isHeld || (options & Wait.WEXITED) != 0;

    private bool CollectExitLocked(Task waiter, bool keep, ref WaitResult result)
    {
        int status = WaitStatusValue;
        int code = WaitStatus.IsExited(status) ? SigCode.CLD_EXITED
            : WaitStatus.IsCoreDumped(status) ? SigCode.CLD_DUMPED : SigCode.CLD_KILLED;
        int detail = WaitStatus.IsExited(status) ? WaitStatus.ExitStatus(status) : WaitStatus.TermSignal(status);
        using (SignalLock.Enter())
        {
            FillLocked(waiter, code, detail, status, ref result);
        }

        if (!keep)
        {
            ReapLocked();
        }

        return true;
    }

    private void FillLocked(Task waiter, int code, int detail, int status, ref WaitResult result)
    {
        result.ProcessId = Identity.NumberIn(waiter.PidNamespace);
        result.KernelUid = Leader.Credentials.RealUid;
        result.Code = code;
        result.CodeStatus = detail;
        result.Status = status;
        result.Times = CpuTimesLocked();
        result.Times.Add(_childrenTimes);
        result.Counters = CountersLocked();
        result.Counters.Add(_childrenCounters);
    }
}
