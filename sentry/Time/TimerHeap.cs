using System;
using System.Collections.Generic;

namespace Sentry.Time;

/// <summary>A heap of timers by deadline, four children to a node; every timer knows its place, so that any can be
/// moved or taken out.</summary>
internal sealed class TimerHeap
{
    private const int Arity = 4;
    private KernelTimer[] _timers = new KernelTimer[64];

    /// <summary>Timers in it.</summary>
    internal int Count { get; private set; }

    /// <summary>The earliest deadline; long.MaxValue when empty.</summary>
    internal long NextDeadlineNs => Count == 0 ? long.MaxValue : _timers[0].DeadlineNs;

    /// <summary>Puts a timer in or moves it to another deadline.</summary>
    internal void Set(KernelTimer timer, long deadlineNs)
    {
        bool isEarlier = timer.HeapIndex < 0 || deadlineNs < timer.DeadlineNs;
        timer.DeadlineNs = deadlineNs;
        if (timer.HeapIndex < 0)
        {
            if (Count == _timers.Length)
            {
                Array.Resize(ref _timers, Count * 2);
            }

            Place(timer, Count++);
        }

        if (isEarlier)
        {
            MoveUp(timer);
        }
        else
        {
            MoveDown(timer);
        }
    }

    /// <summary>Takes a timer out if it is in.</summary>
    internal bool Remove(KernelTimer timer)
    {
        int index = timer.HeapIndex;
        if (index < 0)
        {
            return false;
        }

        KernelTimer last = _timers[--Count];
        _timers[Count] = null!;
        timer.HeapIndex = -1;
        if (last != timer)
        {
            Place(last, index);
            MoveUp(last);
            MoveDown(last);
        }

        return true;
    }

    /// <summary>Takes out the first timer when it is due.</summary>
    internal KernelTimer? TakeDue(long nowNs)
    {
        if (NextDeadlineNs > nowNs)
        {
            return null;
        }

        KernelTimer first = _timers[0];
        Remove(first);
        return first;
    }

    /// <summary>Appends the timers that follow CLOCK_REALTIME.</summary>
    internal void CollectRealtime(List<KernelTimer> result)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_timers[i].FollowsRealtime)
            {
                result.Add(_timers[i]);
            }
        }
    }

    private void Place(KernelTimer timer, int index)
    {
        _timers[index] = timer;
        timer.HeapIndex = index;
    }

    private void MoveUp(KernelTimer timer)
    {
        int index = timer.HeapIndex;
        while (index > 0)
        {
            int parent = (index - 1) / Arity;
            if (_timers[parent].DeadlineNs <= timer.DeadlineNs)
            {
                break;
            }

            Place(_timers[parent], index);
            index = parent;
        }

        Place(timer, index);
    }

    private void MoveDown(KernelTimer timer)
    {
        int index = timer.HeapIndex;
        while (true)
        {
            int best = SmallestChild(index);
            if (best < 0 || _timers[best].DeadlineNs >= timer.DeadlineNs)
            {
                break;
            }

            Place(_timers[best], index);
            index = best;
        }

        Place(timer, index);
    }

    private int SmallestChild(int index)
    {
        int first = (index * Arity) + 1;
        int best = first < Count ? first : -1;
        for (int child = first + 1; child < Math.Min(first + Arity, Count); child++)
        {
            best = _timers[child].DeadlineNs < _timers[best].DeadlineNs ? child : best;
        }

        return best;
    }
}
