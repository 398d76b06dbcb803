using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Sentry.Kernel;

/// <summary>What keeps a task from going on in guest code; bits of one word that any thread may set.</summary>
[Flags]
internal enum TaskWork
{
    None = 0,

    /// <summary>A signal that is not blocked is pending, or a stop.</summary>
    Signal = 1,

    /// <summary>The task must end (SIGKILL, group exit).</summary>
    Kill = 2,

    /// <summary>The sandbox is paused: park before guest code runs.</summary>
    Freeze = 4,

    /// <summary>A system call ended without deciding whether it is restarted, or left a saved signal mask to
    /// restore.</summary>
    Resolve = 8,

    /// <summary>Signals of O_ASYNC were posted on this thread and are to be sent before guest code runs.</summary>
    IoSignals = 16,
}

/// <summary>State shown in /proc/pid/stat.</summary>
public enum TaskState
{
    Running,

    /// <summary>Interruptible sleep.</summary>
    Sleeping,

    /// <summary>Sleep that only a kill ends.</summary>
    Uninterruptible,
    Stopped,

    /// <summary>Stopped for its tracer.</summary>
    Traced,
    Zombie,
    Dead,
}

public sealed partial class Task
{
    private const int TokenNone = 0;
    private const int TokenWake = 1;
    private const int TokenSleeping = -1;

    // Pinned for life: its address is a host futex word, and a late Wake of a finished task touches valid memory. 128
    // bytes keep it off other data.
    private readonly int[] _wakeToken = GC.AllocateArray<int>(32, pinned: true);

    /// <summary>Waits that ended while the task looked out, against those that did not; only a positive number makes
    /// every wait begin so.</summary>
    private int _lookOutCredit;

    /// <summary>Waits begun since looking out has stopped paying.</summary>
    private int _lookOutSkipped;

    private int _work;
    private int _state;
    private bool _isInGuest;

    /// <summary>True when a signal (or kill, stop) wants the task out of a sleep.</summary>
    public bool HasPendingInterrupt => (Volatile.Read(ref _work) & (int)(TaskWork.Signal | TaskWork.Kill)) != 0;

    /// <summary>True when the task is about to be killed: long operations give up.</summary>
    public bool IsKilled => (Volatile.Read(ref _work) & (int)TaskWork.Kill) != 0;

    /// <summary>State as /proc shows it. Any thread.</summary>
    public TaskState State => (TaskState)Volatile.Read(ref _state);

    /// <summary>
    /// Sleeps until <see cref="Wake"/> (None), a signal (ERESTARTSYS: the caller returns it or turns it into another
    /// restart code) or
    /// the deadline (ETIMEDOUT). A wake since the last Block makes it return at once, so: add the waiter, check the
    /// condition, Block, repeat.
    /// A wake wins over a signal. <paramref name="deadlineNs"/>: absolute monotonic time of the guest kernel in ns;
    /// long.MaxValue for none.
    /// </summary>
    public Errno Block(long deadlineNs = long.MaxValue) =>
        Sleep(deadlineNs, TaskWork.Signal | TaskWork.Kill, TaskState.Sleeping);

    /// <summary>As <see cref="Block"/> but only SIGKILL interrupts (Linux's TASK_KILLABLE).</summary>
    public Errno BlockKillable(long deadlineNs = long.MaxValue) =>
        Sleep(deadlineNs, TaskWork.Kill, TaskState.Uninterruptible);

    /// <summary>Sleeps until <see cref="Wake"/>, whatever comes: only for waits that are certain to end.</summary>
    internal void BlockUninterruptible() => Sleep(long.MaxValue, TaskWork.None, TaskState.Uninterruptible);

    /// <summary>Ends the current or next <see cref="Block"/>. Any thread.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _wakeToken[0], TokenWake) == TokenSleeping)
        {
            WakeHost();
        }
    }

    /// <summary>Forgets a wake that came before the task began to wait for something.</summary>
    public void ClearWake() => Interlocked.CompareExchange(ref _wakeToken[0], TokenNone, TokenWake);

    /// <summary>Sets work bits and brings the task out of guest code or a sleep they end. Any thread.</summary>
    internal void Interrupt(TaskWork work)
    {
        Interlocked.Or(ref _work, (int)work);
        if (Interlocked.CompareExchange(ref _wakeToken[0], TokenNone, TokenSleeping) == TokenSleeping)
        {
            WakeHost();
        }

        if (Volatile.Read(ref _isInGuest))
        {
            _context!.Interrupt();
        }
    }

    /// <summary>True while the platform has the task. Any thread.</summary>
    internal bool IsInGuest => Volatile.Read(ref _isInGuest);

    internal void ClearWork(TaskWork work) => Interlocked.And(ref _work, ~(int)work);

    internal void SetState(TaskState state) => Volatile.Write(ref _state, (int)state);

    private Errno Sleep(long deadlineNs, TaskWork interruptedBy, TaskState state)
    {
        long sleepStart = 0;
        Errno result;
        while (true)
        {
            if (Interlocked.CompareExchange(ref _wakeToken[0], TokenNone, TokenWake) == TokenWake)
            {
                result = Errno.None;
                break;
            }

            if ((Volatile.Read(ref _work) & (int)interruptedBy) != 0)
            {
                result = Errno.ERESTARTSYS;
                break;
            }

            if (deadlineNs != long.MaxValue && Kernel.MonotonicNowNs >= deadlineNs)
            {
                result = Errno.ETIMEDOUT;
                break;
            }

            if (sleepStart == 0)
            {
                sleepStart = BeginSleep(state);
            }

            if (!LookOut(interruptedBy))
            {
                SleepOnce(deadlineNs, interruptedBy);
            }
        }

        if (sleepStart != 0)
        {
            EndSleep(sleepStart);
        }

        return result;
    }

    /// <summary>
    /// Looks out for a wake without sleeping, as long as the platform thinks that it is worth it and the last waits
    /// say so too; true when there is something.
    /// </summary>
    private bool LookOut(TaskWork interruptedBy)
    {
        const int MostCredit = 8;
        const int TryEvery = 16;
        if (_lookOutCredit <= 0 && ++_lookOutSkipped < TryEvery)
        {
            return false;
        }

        _lookOutSkipped = 0;
        long start = Stopwatch.GetTimestamp();
        while (Kernel.Platform.LookOut(start))
        {
            if (Volatile.Read(ref _wakeToken[0]) == TokenWake || (Volatile.Read(ref _work) & (int)interruptedBy) != 0)
            {
                _lookOutCredit = MostCredit;
                return true;
            }
        }

        _lookOutCredit--;
        return false;
    }

    private void SleepOnce(long deadlineNs, TaskWork interruptedBy)
    {
        if (Interlocked.CompareExchange(ref _wakeToken[0], TokenSleeping, TokenNone) != TokenNone)
        {
            return;
        }

        // A sender sets the work bit before it looks for a sleeper, and the sleeper says so before it looks at the
        // bits: one of them sees the other.
        if ((Volatile.Read(ref _work) & (int)interruptedBy) == 0)
        {
            WaitHost(deadlineNs);
        }

        Interlocked.CompareExchange(ref _wakeToken[0], TokenNone, TokenSleeping);
    }

    private void WakeHost() => HostFutex.WakePrivate(Marshal.UnsafeAddrOfPinnedArrayElement(_wakeToken, 0), 1);

    private void WaitHost(long deadlineNs)
    {
        long timeoutNs = deadlineNs == long.MaxValue ? -1 : Math.Max(0, deadlineNs - Kernel.MonotonicNowNs);
        nint word = Marshal.UnsafeAddrOfPinnedArrayElement(_wakeToken, 0);
        HostFutex.WaitPrivate(word, unchecked((uint)TokenSleeping), timeoutNs);
    }

    private long BeginSleep(TaskState state)
    {
        SetState(state);
        _context?.Rest();
        return _clock.Ticks;
    }

    private void EndSleep(long sleepStart)
    {
        SetState(TaskState.Running);
        ExcludeSleep(sleepStart);
        NoteRealTimeWake();
    }
}
