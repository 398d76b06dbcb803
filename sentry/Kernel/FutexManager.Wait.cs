using System.Runtime.CompilerServices;
using Abi.Linux;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>Who waits on futex words (futex(2)), and what the end of a thread does to them.</summary>
public sealed partial class FutexManager
{
    private const int BucketCount = 256;

    private readonly FutexBucket[] _buckets = MakeBuckets();

    /// <summary>
    /// FUTEX_WAIT(_BITSET): sleeps while the word holds <paramref name="expected"/>. EAGAIN when it does not,
    /// ETIMEDOUT, ERESTARTSYS,
    /// EFAULT, EINVAL. <paramref name="deadlineNs"/> is monotonic; long.MaxValue for none.
    /// </summary>
    public Errno Wait(Task task, GuestAddress address, FutexScope scope, uint expected, uint bitset, long deadlineNs)
    {
        if (bitset == 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.GetFutexKey(address, scope, out FutexKey key);
        if (errno != Errno.None)
        {
            return errno;
        }

        FutexWaiter waiter = task.FutexWaiter;
        waiter.Kind = FutexWaitKind.Plain;
        waiter.Bitset = bitset;
        errno = EnqueueIf(task, address, expected, key, waiter);
        return errno != Errno.None ? errno : Sleep(task, waiter, deadlineNs);
    }

    /// <summary>
    /// futex_waitv(2): waits on several words; <paramref name="woken"/> is the index of one that was woken. Arrays
    /// are parallel.
    /// </summary>
    public Errno WaitMany(Task task, GuestAddress[] addresses, FutexScope[] scopes, uint[] expected, long deadlineNs,
        out int woken)
    {
        woken = -1;
        FutexWaiter[] waiters = new FutexWaiter[addresses.Length];
        Errno errno = Errno.None;
        int queued = 0;
        task.ClearWake();
        while (queued < waiters.Length && errno == Errno.None)
        {
            errno = task.Mm.GetFutexKey(addresses[queued], scopes[queued], out FutexKey key);
            if (errno == Errno.None)
            {
                waiters[queued] = new FutexWaiter(task) { Bitset = uint.MaxValue };
                errno = EnqueueIf(task, addresses[queued], expected[queued], key, waiters[queued]);
            }

            queued += errno == Errno.None ? 1 : 0;
        }

        bool isComplete = errno == Errno.None;
        woken = isComplete ? -1 : FindWoken(waiters, queued);
        while (isComplete && errno == Errno.None && woken < 0)
        {
            errno = task.Block(deadlineNs);
            woken = FindWoken(waiters, queued);
        }

        for (int i = 0; i < queued; i++)
        {
            if (!Leave(waiters[i]))
            {
                woken = i;
            }
        }

        return woken >= 0 ? Errno.None : errno;
    }

    /// <summary>FUTEX_WAKE(_BITSET): wakes at most <paramref name="count"/> waiters.</summary>
    public Errno Wake(Task task, GuestAddress address, FutexScope scope, int count, uint bitset, out int woken)
    {
        woken = 0;
        if (bitset == 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.GetFutexKey(address, scope, out FutexKey key);
        if (errno != Errno.None)
        {
            return errno;
        }

        FutexBucket bucket = BucketOf(key);
        if (bucket.IsEmpty)
        {
            return Errno.None;
        }

        using (bucket.Lock.Enter())
        {
            return WakeLocked(bucket, key, count, bitset, out woken);
        }
    }

    private static FutexBucket[] MakeBuckets()
    {
        FutexBucket[] buckets = new FutexBucket[BucketCount];
        for (int i = 0; i < buckets.Length; i++)
        {
            buckets[i] = new FutexBucket(i);
        }

        return buckets;
    }

    private static int FindWoken(FutexWaiter[] waiters, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (waiters[i].Bucket is null)
            {
                return i;
            }
        }

        return -1;
    }

    private static Errno WakeLocked(FutexBucket bucket, in FutexKey key, int count, uint bitset, out int woken)
    {
        woken = 0;
        FutexWaiter? waiter = bucket.FirstLocked;
        while (waiter is not null && woken < count)
        {
            FutexWaiter? next = waiter.Next;
            if (waiter.Key == key)
            {
                if (waiter.Kind != FutexWaitKind.Plain)
                {
                    return Errno.EINVAL;
                }

                if ((waiter.Bitset & bitset) != 0)
                {
                    Release(bucket, waiter);
                    woken++;
                }
            }

            waiter = next;
        }

        return Errno.None;
    }

    private static void Release(FutexBucket bucket, FutexWaiter waiter)
    {
        bucket.RemoveLocked(waiter);
        waiter.Task.Wake();
    }

    /// <summary>Takes the waiter off its queue; false when somebody woke it before.</summary>
    private static bool Leave(FutexWaiter waiter)
    {
        while (waiter.Bucket is { } bucket)
        {
            using (bucket.Lock.Enter())
            {
                if (waiter.Bucket == bucket)
                {
                    bucket.RemoveLocked(waiter);
                    return true;
                }
            }
        }

        return false;
    }

    private static Errno Sleep(Task task, FutexWaiter waiter, long deadlineNs)
    {
        while (true)
        {
            Errno errno = task.Block(deadlineNs);
            if (waiter.Bucket is null)
            {
                return Errno.None;
            }

            if (errno != Errno.None)
            {
                return Leave(waiter) ? errno : Errno.None;
            }
        }
    }

    private FutexBucket BucketOf(in FutexKey key)
    {
        ulong hash = (ulong)(uint)RuntimeHelpers.GetHashCode(key.Owner) * 0x9E3779B97F4A7C15;
        hash ^= (key.Offset >> 2) * 0xC2B2AE3D27D4EB4F;
        return _buckets[(int)(hash >> 56)];
    }

    private Errno EnqueueIf(Task task, GuestAddress address, uint expected, in FutexKey key, FutexWaiter waiter)
    {
        FutexBucket bucket = BucketOf(key);
        using (bucket.Lock.Enter())
        {
            // The waiter counts as present before the word is read: a waker that changed the word before this read is
            // seen in the
            // word, one that changes it later finds the waiter.
            waiter.Key = key;
            bucket.AddLocked(waiter);
            Errno errno = task.Mm.AtomicLoad32(address, out uint value);
            if (errno == Errno.None && value != expected)
            {
                errno = Errno.EAGAIN;
            }

            if (errno != Errno.None)
            {
                bucket.RemoveLocked(waiter);
            }

            return errno;
        }
    }
}
