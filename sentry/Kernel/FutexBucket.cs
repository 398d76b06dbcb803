using System.Threading;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>Waiters whose keys hash alike, in the order of their arrival.</summary>
internal sealed class FutexBucket(int index)
{
    /// <summary>Guards the list; two buckets are locked in the order of <see cref="Index"/>.</summary>
    internal OrderedLock<FutexLevel> Lock { get; } = new();

    private FutexWaiter? _head;
    private FutexWaiter? _tail;
    private int _count;

    /// <summary>Place in the table.</summary>
    internal int Index { get; } = index;

    /// <summary>True when nobody waits (a hint without the lock).</summary>
    internal bool IsEmpty => Volatile.Read(ref _count) == 0;

    internal FutexWaiter? FirstLocked => _head;

    internal void AddLocked(FutexWaiter waiter)
    {
        waiter.Bucket = this;
        waiter.Previous = _tail;
        waiter.Next = null;
        if (_tail is null)
        {
            _head = waiter;
        }
        else
        {
            _tail.Next = waiter;
        }

        _tail = waiter;
        Volatile.Write(ref _count, _count + 1);
    }

    internal void RemoveLocked(FutexWaiter waiter)
    {
        if (waiter.Previous is null)
        {
            _head = waiter.Next;
        }
        else
        {
            waiter.Previous.Next = waiter.Next;
        }

        if (waiter.Next is null)
        {
            _tail = waiter.Previous;
        }
        else
        {
            waiter.Next.Previous = waiter.Previous;
        }

        waiter.Next = null;
        waiter.Previous = null;
        waiter.Bucket = null;
        Volatile.Write(ref _count, _count - 1);
    }

    /// <summary>First waiter of the given kind on the key at or after <paramref name="from"/>.</summary>
    internal static FutexWaiter? FindLocked(FutexWaiter? from, in FutexKey key, FutexWaitKind kind)
    {
        while (from is not null && (from.Kind != kind || from.Key != key))
        {
            from = from.Next;
        }

        return from;
    }
}
