using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;
using HostOs;

namespace Platform.Systrap;

/// <summary>
/// The right of a stub thread and its Sentry thread to look out for each other (<see cref="SpinSeats"/>). All of it
/// belongs to the pair's Sentry thread.
/// </summary>
internal sealed class SpinSeat(SpinSeats seats)
{
    /// <summary>How long a pair keeps its seat while others wait for one.</summary>
    private const long TurnNs = 400_000;

    /// <summary>
    /// The longest that a guest's call waits for a seat; then it is served without. Whoever has the seat may be busy
    /// with one call for long.
    /// </summary>
    private const long MostWaitNs = 4_000_000;

    /// <summary>
    /// Calls after a pause that are served, and looked out for, without a seat: who sleeps or computes in between is
    /// not among those that keep the CPUs busy with calls.
    /// </summary>
    private const int CallsAfterPause = 16;

    private const int CacheLineInts = 16;
    private const int Waits = 0;
    private const int Granted = 1;

    // A futex, on a cache line of its own.
    private readonly int[] _word = GC.AllocateArray<int>(CacheLineInts * 2, pinned: true);
    private long _since;
    private int _callsWithout = CallsAfterPause;

    /// <summary>Whether the seat is this pair's.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>Whether this pair may look out.</summary>
    public bool MayLookOut => IsHeld || _callsWithout > 0;

    /// <summary>Who waits after this one; guarded by the lock of the seats.</summary>
    internal SpinSeat? Next { get; set; }

    private bool IsGranted => Volatile.Read(ref _word[CacheLineInts]) == Granted;

    private nint WordAddress => Marshal.UnsafeAddrOfPinnedArrayElement(_word, CacheLineInts);

    /// <summary>
    /// The guest is about to run: takes a seat if one is free, gives it on if others have waited long enough for it.
    /// </summary>
    public void Renew(long now)
    {
        if (!IsHeld)
        {
            IsHeld = seats.TryTake();
            _since = now;
        }
        else if (seats.IsWanted && now - _since > TurnNs)
        {
            Release();
        }
    }

    /// <summary>The guest has made a call: waits for a seat, though not for ever, and not soon after a pause.</summary>
    public void Await()
    {
        if (!IsHeld && _callsWithout > 0)
        {
            _callsWithout--;
            return;
        }
        Volatile.Write(ref _word[CacheLineInts], Waits);
        IsHeld = IsHeld || seats.TakeOrQueue(this);
        long start = Stopwatch.GetTimestamp();
        _since = start;
        while (!IsHeld)
        {
            long left = start + MostWaitNs - _since;
            if (left > 0)
            {
                HostFutex.WaitPrivate(WordAddress, Waits, left);
            }
            IsHeld = IsGranted;
            if (!IsHeld && left <= 0)
            {
                IsHeld = !seats.Leave(this);
                break;
            }
            _since = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>The guest makes no calls for a while: gives the seat away.</summary>
    public void Pause()
    {
        _callsWithout = CallsAfterPause;
        Release();
    }

    /// <summary>Gives the seat, if there is one, to whoever has waited longest.</summary>
    public void Release()
    {
        if (IsHeld)
        {
            IsHeld = false;
            seats.GiveOn()?.Wake();
        }
    }

    /// <summary>The seat is this pair's. Under the lock of the seats.</summary>
    internal void Grant() => Volatile.Write(ref _word[CacheLineInts], Granted);

    private void Wake() => HostFutex.WakePrivate(WordAddress, 1);
}
