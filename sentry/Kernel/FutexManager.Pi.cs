using Abi.Linux;
using Sentry.Mm;
using Sentry.Sync;
using static Abi.Linux.FutexOp;

namespace Sentry.Kernel;

/// <summary>What FUTEX_LOCK_PI does when the word is taken.</summary>
public enum FutexLockMode
{
    /// <summary>Sleep until it is ours.</summary>
    Wait,

    /// <summary>FUTEX_TRYLOCK_PI: EAGAIN.</summary>
    Try,
}

// Priority-inheritance futexes: ownership passes through the kernel in the order of arrival. Priorities are the
// host's business, so
// inheritance itself has nothing to act on.
public sealed partial class FutexManager
{
    // Number of queued PI waiters, so that exiting tasks search only when there is one.
    private int _piWaiters;

    /// <summary>FUTEX_LOCK_PI(2), FUTEX_TRYLOCK_PI: EDEADLK, ESRCH (no such owner), EAGAIN, ETIMEDOUT,
    /// ERESTARTNOINTR.</summary>
    public Errno LockPi(Task task, GuestAddress address, FutexScope scope, FutexLockMode mode, long deadlineNs)
    {
        Errno errno = task.Mm.GetFutexKey(address, scope, out FutexKey key);
        if (errno != Errno.None)
        {
            return errno;
        }

        FutexWaiter waiter = task.FutexWaiter;
        FutexBucket bucket = BucketOf(key);
        using (bucket.Lock.Enter())
        {
            errno = AcquirePiLocked(bucket, task, key, address, mode, out Task? owner);
            if (errno != Errno.EINPROGRESS)
            {
                return errno;
            }

            EnqueuePiLocked(bucket, waiter, key, address, owner!);
        }

        return SleepPi(task, waiter, deadlineNs);
    }

    /// <summary>FUTEX_UNLOCK_PI: EPERM when the word is not the caller's.</summary>
    public Errno UnlockPi(Task task, GuestAddress address, FutexScope scope)
    {
        Errno errno = task.Mm.GetFutexKey(address, scope, out FutexKey key);
        if (errno != Errno.None)
        {
            return errno;
        }

        FutexBucket bucket = BucketOf(key);
        using (bucket.Lock.Enter())
        {
            errno = task.Mm.AtomicLoad32(address, out uint value);
            if (errno != Errno.None || (value & FUTEX_TID_MASK) != (uint)task.Tid)
            {
                return errno != Errno.None ? errno : Errno.EPERM;
            }

            return HandOverLocked(bucket, key, task.Mm, address, 0);
        }
    }

    /// <summary>FUTEX_WAIT_REQUEUE_PI: waits on a plain word and comes back owning the PI word it was moved
    /// to.</summary>
    public Errno WaitRequeuePi(
        Task task,
        (GuestAddress Address, FutexScope Scope) from,
        (GuestAddress Address, FutexScope Scope) to,
        uint expected,
        long deadlineNs)
    {
        Errno errno = GetKeys(task, from, to, out FutexKey source, out FutexKey target);
        if (errno != Errno.None || source == target)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        FutexWaiter waiter = task.FutexWaiter;
        waiter.Kind = FutexWaitKind.RequeuePi;
        waiter.Bitset = FUTEX_BITSET_MATCH_ANY;
        waiter.TargetKey = target;
        waiter.PiAddress = to.Address;
        errno = EnqueueIf(task, from.Address, expected, source, waiter);
        return errno != Errno.None ? errno : SleepPi(task, waiter, deadlineNs);
    }

    /// <summary>FUTEX_CMP_REQUEUE_PI: gives the PI word to the first waiter if it is free and moves the others to
    /// it.</summary>
    public Errno RequeuePi(
        Task task,
        (GuestAddress Address, FutexScope Scope) from,
        (GuestAddress Address, FutexScope Scope) to,
        int moveCount,
        uint expected,
        out int affected)
    {
        affected = 0;
        Errno errno = GetKeys(task, from, to, out FutexKey source, out FutexKey target);
        if (errno != Errno.None || source == target || moveCount < 0)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        FutexBucket first = BucketOf(source);
        FutexBucket second = BucketOf(target);
        using PairScope scope = new(first, second);
        errno = task.Mm.AtomicLoad32(from.Address, out uint value);
        if (errno != Errno.None || value != expected)
        {
            return errno != Errno.None ? errno : Errno.EAGAIN;
        }

        FutexWaiter? waiter = FutexBucket.FindLocked(first.FirstLocked, source, FutexWaitKind.RequeuePi);
        while (waiter is not null && affected <= moveCount && errno == Errno.None)
        {
            FutexWaiter? next = waiter.Next;
            errno = waiter.TargetKey == target ? MovePiLocked(first, second, waiter, target) : Errno.EINVAL;
            affected += errno == Errno.None ? 1 : 0;
            waiter = FutexBucket.FindLocked(next, source, FutexWaitKind.RequeuePi);
        }

        return affected > 0 ? Errno.None : errno;
    }

    /// <summary>The task ends: every PI word it holds with waiters goes to the first of them, marked
    /// FUTEX_OWNER_DIED.</summary>
    private void ReleasePiOf(Task task)
    {
        if (System.Threading.Volatile.Read(ref _piWaiters) == 0)
        {
            return;
        }

        foreach (FutexBucket bucket in _buckets)
        {
            using (bucket.Lock.Enter())
            {
                while (FindOwnedLocked(bucket, task) is { } waiter)
                {
                    HandOverLocked(bucket, waiter.Key, waiter.Task.Mm, waiter.PiAddress, FUTEX_OWNER_DIED);
                }
            }
        }
    }

    private static FutexWaiter? FindOwnedLocked(FutexBucket bucket, Task owner)
    {
        FutexWaiter? waiter = bucket.FirstLocked;
        while (waiter is not null && (waiter.Kind != FutexWaitKind.Pi || waiter.Owner != owner))
        {
            waiter = waiter.Next;
        }

        return waiter;
    }

    /// <summary>Takes a free word (None) or marks a taken one FUTEX_WAITERS and names its owner
    /// (EINPROGRESS).</summary>
    private static Errno AcquirePiLocked(
        FutexBucket bucket,
        Task task,
        in FutexKey key,
        GuestAddress address,
        FutexLockMode mode,
        out Task? owner)
    {
        owner = null;
        Errno errno = task.Mm.AtomicLoad32(address, out uint value);
        while (errno == Errno.None)
        {
            uint holder = value & FUTEX_TID_MASK;
            uint desired;
            if (holder == 0)
            {
                bool hasWaiters = FutexBucket.FindLocked(bucket.FirstLocked, key, FutexWaitKind.Pi) is not null;
                desired = (uint)task.Tid | (value & FUTEX_OWNER_DIED) | (hasWaiters ? FUTEX_WAITERS : 0);
            }
            else
            {
                errno = CheckHolder(task, holder, mode, out owner);
                if (errno != Errno.None)
                {
                    return errno;
                }

                desired = value | FUTEX_WAITERS;
            }

            uint expected = value;
            errno = task.Mm.AtomicCompareExchange32(address, expected, desired, out value);
            if (errno == Errno.None && value == expected)
            {
                return holder == 0 ? Errno.None : Errno.EINPROGRESS;
            }
        }

        return errno;
    }

    private static Errno CheckHolder(Task task, uint holder, FutexLockMode mode, out Task? owner)
    {
        owner = null;
        if (holder == (uint)task.Tid)
        {
            return Errno.EDEADLK;
        }

        if (mode == FutexLockMode.Try)
        {
            return Errno.EAGAIN;
        }

        owner = task.PidNamespace.FindTask((int)holder);
        return owner is null ? Errno.ESRCH : Errno.None;
    }

    private void EnqueuePiLocked(FutexBucket bucket, FutexWaiter waiter, in FutexKey key, GuestAddress address,
        Task owner)
    {
        waiter.Kind = FutexWaitKind.Pi;
        waiter.Key = key;
        waiter.Bitset = FUTEX_BITSET_MATCH_ANY;
        waiter.PiAddress = address;
        waiter.Owner = owner;
        bucket.AddLocked(waiter);
        System.Threading.Interlocked.Increment(ref _piWaiters);
    }

    private Errno MovePiLocked(FutexBucket first, FutexBucket second, FutexWaiter waiter, in FutexKey target)
    {
        Errno errno = AcquirePiLocked(second, waiter.Task, target, waiter.PiAddress, FutexLockMode.Wait,
            out Task? owner);
        if (errno == Errno.None)
        {
            Release(first, waiter);
        }
        else if (errno == Errno.EINPROGRESS)
        {
            first.RemoveLocked(waiter);
            EnqueuePiLocked(second, waiter, target, waiter.PiAddress, owner!);
            errno = Errno.None;
        }

        return errno;
    }

    /// <summary>Writes the first waiter (or nobody) into the word and wakes it.</summary>
    private Errno HandOverLocked(FutexBucket bucket, FutexKey key, MemoryManager mm, GuestAddress address,
        uint extraBits)
    {
        FutexWaiter? heir = FutexBucket.FindLocked(bucket.FirstLocked, key, FutexWaitKind.Pi);
        FutexWaiter? other = heir is null ? null : FutexBucket.FindLocked(heir.Next, key, FutexWaitKind.Pi);
        uint desired = extraBits;
        if (heir is not null)
        {
            // FUTEX_WAITERS stays as long as there is a state of the word here (kernel/futex/pi.c, wake_futex_pi).
            desired |= (uint)heir.Task.Tid | FUTEX_WAITERS;
        }

        Errno errno = mm.AtomicLoad32(address, out uint value);
        uint expected;
        do
        {
            expected = value;
            errno = errno == Errno.None ? mm.AtomicCompareExchange32(address, expected, desired, out value) : errno;
        }
        while (errno == Errno.None && value != expected);

        if (heir is null)
        {
            return errno;
        }

        for (FutexWaiter? waiter = other; waiter is not null; waiter =
            FutexBucket.FindLocked(waiter.Next, key, FutexWaitKind.Pi))
        {
            waiter.Owner = heir.Task;
        }

        System.Threading.Interlocked.Decrement(ref _piWaiters);
        Release(bucket, heir);
        return errno;
    }

    private Errno SleepPi(Task task, FutexWaiter waiter, long deadlineNs)
    {
        while (true)
        {
            Errno errno = task.Block(deadlineNs);
            if (waiter.Bucket is null)
            {
                return Errno.None;
            }

            if (errno == Errno.None)
            {
                continue;
            }

            bool left = Leave(waiter);
            if (left && waiter.Kind == FutexWaitKind.Pi)
            {
                System.Threading.Interlocked.Decrement(ref _piWaiters);
            }

            return !left ? Errno.None : errno == Errno.ERESTARTSYS ? Errno.ERESTARTNOINTR : errno;
        }
    }
}
