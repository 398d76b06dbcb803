using Abi.Linux;
using Sentry.Mm;
using Sentry.Sync;
using static Abi.Linux.FutexOp;

namespace Sentry.Kernel;

/// <summary>Whether FUTEX_REQUEUE compares the word first.</summary>
public enum FutexCompare
{
    /// <summary>FUTEX_REQUEUE.</summary>
    None,

    /// <summary>FUTEX_CMP_REQUEUE.</summary>
    Value,
}

public sealed partial class FutexManager
{
    /// <summary>
    /// FUTEX_(CMP_)REQUEUE: wakes <paramref name="wakeCount"/> waiters of the first word and moves up to <paramref
    /// name="moveCount"/> more to the second.
    /// <paramref name="affected"/> counts both (kernel/futex/requeue.c), whatever futex(2) says of FUTEX_REQUEUE.
    /// </summary>
    public Errno Requeue(
        Task task,
        (GuestAddress Address, FutexScope Scope) from,
        (GuestAddress Address, FutexScope Scope) to,
        int wakeCount,
        int moveCount,
        FutexCompare compare,
        uint expected,
        out int affected)
    {
        affected = 0;
        Errno errno = GetKeys(task, from, to, out FutexKey source, out FutexKey target);
        if (errno != Errno.None || wakeCount < 0 || moveCount < 0)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        FutexBucket first = BucketOf(source);
        FutexBucket second = BucketOf(target);
        using PairScope scope = new(first, second);
        if (compare == FutexCompare.Value)
        {
            errno = task.Mm.AtomicLoad32(from.Address, out uint value);
            if (errno != Errno.None || value != expected)
            {
                return errno != Errno.None ? errno : Errno.EAGAIN;
            }
        }

        errno = WakeLocked(first, source, wakeCount, FUTEX_BITSET_MATCH_ANY, out int woken);
        int moved = errno == Errno.None ? MoveLocked(first, source, second, target, moveCount) : 0;
        affected = woken + moved;
        return errno;
    }

    /// <summary>
    /// FUTEX_WAKE_OP: changes the second word as <paramref name="operation"/> says, wakes waiters of the first, and
    /// those of the second if its old value compares.
    /// </summary>
    public Errno WakeOp(
        Task task,
        (GuestAddress Address, FutexScope Scope) first,
        (GuestAddress Address, FutexScope Scope) second,
        int wakeCount,
        int wakeCount2,
        uint operation,
        out int woken)
    {
        woken = 0;
        Errno errno = GetKeys(task, first, second, out FutexKey key, out FutexKey key2);
        if (errno != Errno.None)
        {
            return errno;
        }

        FutexBucket bucket = BucketOf(key);
        FutexBucket bucket2 = BucketOf(key2);
        using PairScope scope = new(bucket, bucket2);
        errno = ApplyOperation(task, second.Address, operation, out uint old);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = WakeLocked(bucket, key, wakeCount, FUTEX_BITSET_MATCH_ANY, out woken);
        if (errno == Errno.None && Compares(old, operation, out errno))
        {
            errno = WakeLocked(bucket2, key2, wakeCount2, FUTEX_BITSET_MATCH_ANY, out int more);
            woken += more;
        }

        return errno;
    }

    private static Errno GetKeys(
        Task task,
        (GuestAddress Address, FutexScope Scope) first,
        (GuestAddress Address, FutexScope Scope) second,
        out FutexKey key,
        out FutexKey key2)
    {
        key2 = default;
        Errno errno = task.Mm.GetFutexKey(first.Address, first.Scope, out key);
        return errno != Errno.None ? errno : task.Mm.GetFutexKey(second.Address, second.Scope, out key2);
    }

    private static int MoveLocked(FutexBucket first, in FutexKey source, FutexBucket second, in FutexKey target,
        int count)
    {
        int moved = 0;
        FutexWaiter? waiter = FutexBucket.FindLocked(first.FirstLocked, source, FutexWaitKind.Plain);
        while (waiter is not null && moved < count && source != target)
        {
            FutexWaiter? next = waiter.Next;
            first.RemoveLocked(waiter);
            waiter.Key = target;
            second.AddLocked(waiter);
            moved++;
            waiter = FutexBucket.FindLocked(next, source, FutexWaitKind.Plain);
        }

        return moved;
    }

    /// <summary>The encoding of FUTEX_OP in futex(2).</summary>
    private static Errno ApplyOperation(Task task, GuestAddress address, uint operation, out uint old)
    {
        int kind = (int)(operation >> 28 & 7);
        uint argument = (uint)((int)(operation << 8) >> 20);
        if ((operation >> 28 & FUTEX_OP_OPARG_SHIFT) != 0)
        {
            argument = 1u << (int)(argument & 31);
        }

        Errno errno = task.Mm.AtomicLoad32(address, out old);
        while (errno == Errno.None)
        {
            uint expected = old;
            uint desired;
            switch (kind)
            {
                case FUTEX_OP_SET: desired = argument; break;
                case FUTEX_OP_ADD: desired = unchecked(expected + argument); break;
                case FUTEX_OP_OR: desired = expected | argument; break;
                case FUTEX_OP_ANDN: desired = expected & ~argument; break;
                case FUTEX_OP_XOR: desired = expected ^ argument; break;
                default: return Errno.ENOSYS;
            }

            errno = task.Mm.AtomicCompareExchange32(address, expected, desired, out old);
            if (errno == Errno.None && old == expected)
            {
                return Errno.None;
            }
        }

        return errno;
    }

    private static bool Compares(uint old, uint operation, out Errno errno)
    {
        errno = Errno.None;
        int argument = (int)(operation << 20) >> 20;
        int value = (int)old;
        switch (operation >> 24 & 15)
        {
            case FUTEX_OP_CMP_EQ: return value == argument;
            case FUTEX_OP_CMP_NE: return value != argument;
            case FUTEX_OP_CMP_LT: return value < argument;
            case FUTEX_OP_CMP_LE: return value <= argument;
            case FUTEX_OP_CMP_GT: return value > argument;
            case FUTEX_OP_CMP_GE: return value >= argument;
            default:
                errno = Errno.ENOSYS;
                return false;
        }
    }

    /// <summary>Two buckets locked in the order of their indexes, which may be one bucket.</summary>
    private readonly ref struct PairScope
    {
        private readonly OrderedLock<FutexLevel>.Scope _outer;
        private readonly OrderedLock<FutexLevel>.Scope _inner;
        private readonly bool _hasInner;

        internal PairScope(FutexBucket one, FutexBucket other)
        {
            bool inOrder = one.Index <= other.Index;
            _outer = (inOrder ? one : other).Lock.Enter();
            _hasInner = one != other;
            if (_hasInner)
            {
                _inner = (inOrder ? other : one).Lock.EnterNested();
            }
        }

        public void Dispose()
        {
            if (_hasInner)
            {
                _inner.Dispose();
            }

            _outer.Dispose();
        }
    }
}
