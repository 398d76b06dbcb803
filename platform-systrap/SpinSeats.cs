using System;
using System.Threading;

namespace Platform.Systrap;

/// <summary>
/// A pair of threads that look out for each other is at work on two CPUs, so there are half as many seats for such
/// pairs as there are CPUs. With more pairs at work than that, some have a seat for a while and make their calls
/// without
/// a switch of the host's, while the others sleep, instead of all being switched at every call.
/// </summary>
internal sealed class SpinSeats(int count)
{
    /// <summary>Guards the queue and the number of free seats.</summary>
    private readonly Lock _lock = new();
    private int _free = count;
    private int _waiting;
    private SpinSeat? _first;
    private SpinSeat? _last;

    /// <summary>Those of this process.</summary>
    public static SpinSeats All { get; } = new(Math.Max(Waiting.Cpus / 2, 1));

    /// <summary>Whether a pair waits for a seat.</summary>
    public bool IsWanted => Volatile.Read(ref _waiting) > 0;

    /// <summary>Takes a free seat, if there is one.</summary>
    internal bool TryTake()
    {
        if (Volatile.Read(ref _free) <= 0)
        {
            return false;
        }
        lock (_lock)
        {
            return TryTakeLocked();
        }
    }

    /// <summary>Takes a free seat, or queues for one.</summary>
    internal bool TakeOrQueue(SpinSeat seat)
    {
        lock (_lock)
        {
            if (TryTakeLocked())
            {
                return true;
            }
            if (_last is null)
            {
                _first = seat;
            }
            else
            {
                _last.Next = seat;
            }
            _last = seat;
            Volatile.Write(ref _waiting, _waiting + 1);
            return false;
        }
    }

    /// <summary>Grants a seat that is no longer used to the first in the queue, and says who that is.</summary>
    internal SpinSeat? GiveOn()
    {
        lock (_lock)
        {
            SpinSeat? next = _first;
            if (next is null)
            {
                _free++;
            }
            else
            {
                RemoveLocked(next, before: null);
                next.Grant();
            }
            return next;
        }
    }

    /// <summary>Leaves the queue; false when a seat has been granted in the meantime.</summary>
    internal bool Leave(SpinSeat seat)
    {
        lock (_lock)
        {
            SpinSeat? before = null;
            SpinSeat? each = _first;
            while (each is not null && each != seat)
            {
                before = each;
                each = each.Next;
            }
            if (each is not null)
            {
                RemoveLocked(each, before);
            }
            return each is not null;
        }
    }

    private bool TryTakeLocked()
    {
        bool isFree = _free > 0;
        _free -= isFree ? 1 : 0;
        return isFree;
    }

    private void RemoveLocked(SpinSeat seat, SpinSeat? before)
    {
        if (before is null)
        {
            _first = seat.Next;
        }
        else
        {
            before.Next = seat.Next;
        }
        _last = _last == seat ? before : _last;
        seat.Next = null;
        Volatile.Write(ref _waiting, _waiting - 1);
    }
}
