using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace Sentry.Sync;

/// <summary>The place of a lock in the one order of all locks; see <see cref="LockLevels"/>.</summary>
public interface ILockLevel
{
    /// <summary>A lock may be taken only while every lock held by the thread has a smaller rank.</summary>
    static abstract int Rank { get; }

    /// <summary>Name in assertion messages and docs/locks.md.</summary>
    static abstract string Name { get; }
}

/// <summary>
/// A mutual-exclusion lock with a level. Debug builds check the order on every entry; release builds pay for the lock
/// only.
/// Two locks of one level are taken together only through <see cref="EnterNested"/>, whose caller states the order.
/// </summary>
public sealed class OrderedLock<TLevel>
    where TLevel : ILockLevel
{
    private readonly Lock _lock = new();

    /// <summary>True when the calling thread holds the lock.</summary>
    public bool IsHeld => _lock.IsHeldByCurrentThread;

    /// <summary>Takes the lock; dispose the result to release it.</summary>
    public Scope Enter()
    {
        LockOrder.Entering(TLevel.Rank, TLevel.Name, isNested: 0);
        _lock.Enter();
        return new Scope(this);
    }

    /// <summary>Takes a second lock of the same level; the caller guarantees a global order among such pairs (for
    /// example by address of creation).</summary>
    public Scope EnterNested()
    {
        LockOrder.Entering(TLevel.Rank, TLevel.Name, isNested: 1);
        _lock.Enter();
        return new Scope(this);
    }

    /// <summary>Asserts in debug builds that the caller holds the lock.</summary>
    [Conditional("DEBUG")]
    public void AssertHeld() => Debug.Assert(_lock.IsHeldByCurrentThread, TLevel.Name + " not held");

    private void Exit()
    {
        _lock.Exit();
        LockOrder.Left(TLevel.Rank);
    }

    /// <summary>The time the lock is held.</summary>
    public readonly ref struct Scope
    {
        private readonly OrderedLock<TLevel> _owner;

        internal Scope(OrderedLock<TLevel> owner) => _owner = owner;

        /// <summary>Releases the lock.</summary>
        public void Dispose() => _owner.Exit();
    }
}

/// <summary>Per-thread record of held ranks, debug builds only.</summary>
internal static class LockOrder
{
    [ThreadStatic]
    private static List<int>? s_held;

    [Conditional("DEBUG")]
    internal static void Entering(int rank, string name, int isNested)
    {
        List<int> held = s_held ??= new List<int>();
        foreach (int other in held)
        {
            Debug.Assert(other < rank || (isNested != 0 && other == rank), "lock order: " + name
                + " taken under rank " + other);
        }

        held.Add(rank);
    }

    [Conditional("DEBUG")]
    internal static void Left(int rank) => s_held!.RemoveAt(s_held.LastIndexOf(rank));
}
