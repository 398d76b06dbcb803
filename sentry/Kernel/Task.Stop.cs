using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class Task
{
    internal bool IsStopPendingLocked => _stopPending;

    internal bool TakeStopDequeuedLocked()
    {
        bool result = _stopDequeued;
        _stopDequeued = false;
        return result;
    }

    /// <summary>Asks the task to stop; false when it already is, or is ending.</summary>
    internal bool AskToStopLocked()
    {
        if (_isParked || _isExiting || IsKilled)
        {
            return false;
        }

        _stopPending = true;
        _stopCounts = true;
        return true;
    }

    /// <summary>Becomes stopped; true when the stop still waits for this task.</summary>
    internal bool ParkLocked()
    {
        bool counts = _stopCounts;
        _stopPending = false;
        _stopCounts = false;
        _isParked = true;
        RecalculateLocked();
        return counts;
    }

    /// <summary>Stops with the process and sleeps until SIGCONT or SIGKILL. False when there was nothing to stop
    /// for.</summary>
    private bool StopWithGroup(int signal)
    {
        if (!ThreadGroup.JoinStop(this, signal, out bool completed))
        {
            return false;
        }

        if (completed)
        {
            ThreadGroup.NotifyParentOfStop(SigCode.CLD_STOPPED);
        }

        while (_isParked && !IsKilled)
        {
            if (Trace is { } trace)
            {
                StopWithGroupTraced(trace, signal != 0 ? signal : ThreadGroup.StopSignalOrDefault);
                break;
            }

            Sleep(long.MaxValue, TaskWork.Kill, TaskState.Stopped);
        }

        using (ThreadGroup.SignalLock.Enter())
        {
            _isParked = false;
            RecalculateLocked();
        }

        return true;
    }
}
