using System.Diagnostics;
using System.Threading;
using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Systrap;

/// <summary>How a wait for a stub thread ended.</summary>
internal enum WaitOutcome
{
    /// <summary>The stub thread has given its registers up.</summary>
    Ready,

    /// <summary>Its process is gone.</summary>
    Dead,
}

/// <summary>A stub thread that runs guest code for one context at a time, and its slot.</summary>
internal sealed class StubThread
{
    /// <summary>Synchronous signals and the interrupt stay open in guest code; the rest is for nobody here.</summary>
    public const ulong BlockedSignals = ~(
        (1UL << (Signals.SIGSEGV - 1)) | (1UL << (Signals.SIGBUS - 1)) | (1UL << (Signals.SIGFPE - 1)) |
        (1UL << (Signals.SIGILL - 1)) | (1UL << (Signals.SIGTRAP - 1)) | (1UL << (Signals.SIGSYS - 1)) |
        (1UL << (InterruptSignal - 1)));

    /// <summary>The signal that stops running guest code.</summary>
    public const int InterruptSignal = Signals.SIGURG;

    /// <summary>How often a sleeper looks whether the process is still there.</summary>
    private const long CheckNs = 100_000_000;

    /// <summary>How many looks after an interrupt a stub thread may take before its process is taken for
    /// broken.</summary>
    private const int PatienceChecks = 100;

    private const int PollsPerLook = 16;

    /// <summary>Waits in a row with both sides on one CPU before one of them moves, and how long until the next
    /// move.</summary>
    private const int WaitsTogether = 64;
    private const long MoveEveryNs = 10_000_000;

    /// <summary>Guest code that runs for so long without a call has made a pause.</summary>
    private const long PauseNs = 1_000_000;

    private readonly int _pid;
    private int _together;
    private long _movedAt;

    public StubThread(int pid, int tid, int slot, in ContextMemory memory)
    {
        _pid = pid;
        Tid = tid;
        Slot = slot;
        Memory = memory;
    }

    /// <summary>The thread id; certainly one of the process's.</summary>
    public int Tid { get; }

    /// <summary>The context slot.</summary>
    public int Slot { get; }

    /// <summary>What it shares with us.</summary>
    public ContextMemory Memory { get; }

    /// <summary>Whether the two sides look out for each other.</summary>
    private SpinSeat Seat { get; } = new(SpinSeats.All);

    /// <summary>Sends the interrupt signal.</summary>
    public void Interrupt() => HostSignal.Tgkill(_pid, Tid, InterruptSignal);

    /// <summary>Lets the stub thread run, with the registers of its frame or with the result of its call.</summary>
    public void Resume() => GiveTurn(ContextSlot.TurnGuest);

    /// <summary>
    /// Makes the thread, which waits in a patched call, save its floating-point state. It has no reason not to; so one
    /// that does not is interrupted, and in the end takes its process along. Interrupted by somebody else it has made a
    /// frame.
    /// </summary>
    public WaitOutcome SaveFp()
    {
        int state = 1;
        GiveTurn(ContextSlot.TurnFrame);
        return LookOut() ? WaitOutcome.Ready : Sleep(ref state, 1);
    }

    /// <summary>
    /// Waits until the stub thread gives its registers up: looks out for a while, then sleeps. With a bit of <paramref
    /// name="state"/> set, an interrupt is under way; a thread that does not heed it for long takes its process along.
    /// </summary>
    public WaitOutcome Await(ref int state, int interruptBit)
    {
        if (LookOut())
        {
            return WaitOutcome.Ready;
        }
        StopLookingOut();
        Seat.Release();
        long start = Stopwatch.GetTimestamp();
        WaitOutcome outcome = Sleep(ref state, interruptBit);
        if (outcome == WaitOutcome.Ready)
        {
            if (Stopwatch.GetTimestamp() - start > PauseNs)
            {
                Seat.Pause();
            }
            Seat.Await();
        }
        return outcome;
    }

    /// <summary>
    /// Whether both sides keep meeting on one CPU although they could be at work on two: the host's scheduler lets
    /// who is woken by a neighbour stay where it is. True once; <paramref name="cpu"/> is where they are.
    /// </summary>
    public bool ShouldPart(out int cpu)
    {
        cpu = Memory.StubCpu;
        if (_together < WaitsTogether)
        {
            return false;
        }
        _together = 0;
        long now = Stopwatch.GetTimestamp();
        bool isTime = now - _movedAt > MoveEveryNs;
        _movedAt = isTime ? now : _movedAt;
        return isTime;
    }

    /// <summary>
    /// The thread's turn is not to come soon: it need not spin for it, and others may look out. Only while it waits.
    /// </summary>
    public void Rest()
    {
        Memory.SetSpinCycles(0);
        StopLookingOut();
        Seat.Pause();
        _together = 0;
    }

    // The stub thread may be waiting for an answer that comes soon: others must want its CPU.
    private void StopLookingOut()
    {
        if (SpinSeats.All.IsWanted)
        {
            Memory.SetLookOut(0, 0);
        }
    }

    /// <summary>Looks out for a while, if this pair may: whether the stub thread has given its registers up.</summary>
    private bool LookOut()
    {
        if (!Seat.MayLookOut)
        {
            return Memory.Turn == ContextSlot.TurnSentry;
        }
        long start = Stopwatch.GetTimestamp();
        Neighbour neighbour = Waiting.Of(Memory.StubCpu);
        _together = neighbour == Neighbour.SameCpu ? _together + 1 : 0;
        int polls = neighbour == Neighbour.SameCpu ? 1 : PollsPerLook;
        do
        {
            for (int i = 0; i < polls; i++)
            {
                if (Memory.Turn == ContextSlot.TurnSentry)
                {
                    return true;
                }
                Thread.SpinWait(1);
            }
        }
        while (Waiting.LookOut(start, neighbour));
        return false;
    }

    private void GiveTurn(int turn)
    {
        long now = Stopwatch.GetTimestamp();
        Seat.Renew(now);
        bool looksOut = Seat.MayLookOut;
        Memory.SetLookOut(
            looksOut ? Waiting.SpinCycles : 0, looksOut && !Waiting.IsContended(now) ? Waiting.YieldCycles : 0);
        Memory.SetSentryCpu(HostSched.GetCpu());
        Memory.GiveTurn(turn);
        if (Memory.StubSleeps)
        {
            HostFutex.WakeShared(Memory.TurnAddress, 1);
        }
    }

    private WaitOutcome Sleep(ref int state, int interruptBit)
    {
        int patience = PatienceChecks;
        long checkAt = Stopwatch.GetTimestamp() + CheckNs;
        Memory.SetSentrySleeps(1);
        var outcome = WaitOutcome.Ready;
        while (outcome == WaitOutcome.Ready && Memory.Turn is int turn and not ContextSlot.TurnSentry)
        {
            // By the clock: a guest that writes the word again and again lets no wait sleep.
            HostFutex.WaitShared(Memory.TurnAddress, (uint)turn, CheckNs);
            long now = Stopwatch.GetTimestamp();
            if (now < checkAt)
            {
                continue;
            }
            checkAt = now + CheckNs;
            bool interrupted = (Volatile.Read(ref state) & interruptBit) != 0;
            patience = interrupted ? patience - 1 : PatienceChecks;
            if (interrupted)
            {
                Interrupt();
            }
            outcome = patience <= 0 || StubProcess.HasEnded(_pid) ? WaitOutcome.Dead : WaitOutcome.Ready;
        }
        Memory.SetSentrySleeps(0);
        return outcome;
    }
}
