using System.Threading;
using Sentry.Mm;

namespace Sentry.Kernel;

/// <summary>How a waiter came to a futex.</summary>
internal enum FutexWaitKind
{
    /// <summary>FUTEX_WAIT and its kin: woken by FUTEX_WAKE.</summary>
    Plain,

    /// <summary>FUTEX_WAIT_REQUEUE_PI before the requeue: only FUTEX_CMP_REQUEUE_PI moves it.</summary>
    RequeuePi,

    /// <summary>FUTEX_LOCK_PI: woken as the owner of the word.</summary>
    Pi,
}

/// <summary>One task waiting on one futex word. Fields are guarded by the bucket's lock; <see cref="Bucket"/> may be
/// peeked at.</summary>
internal sealed class FutexWaiter(Task task)
{
    private FutexBucket? _bucket;

    /// <summary>Who waits.</summary>
    internal Task Task { get; } = task;

    /// <summary>Bucket it is queued in; null once it was woken or has left.</summary>
    internal FutexBucket? Bucket
    {
        get => Volatile.Read(ref _bucket);
        set => Volatile.Write(ref _bucket, value);
    }

    internal FutexKey Key { get; set; }

    internal uint Bitset { get; set; }

    internal FutexWaitKind Kind { get; set; }

    /// <summary>For <see cref="FutexWaitKind.RequeuePi"/>: the word it agreed to be moved to.</summary>
    internal FutexKey TargetKey { get; set; }

    /// <summary>Address of the PI word in the waiter's own memory.</summary>
    internal GuestAddress PiAddress { get; set; }

    /// <summary>For <see cref="FutexWaitKind.Pi"/>: the task that holds the word.</summary>
    internal Task? Owner { get; set; }

    internal FutexWaiter? Next { get; set; }

    internal FutexWaiter? Previous { get; set; }
}
