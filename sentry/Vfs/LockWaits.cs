using System.Collections.Generic;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>
/// Who waits for whose record lock, to answer EDEADLK (fs/locks.c: posix_locks_deadlock). One entry for each waiting
/// owner.
/// </summary>
internal static class LockWaits
{
    private const int MaxChain = 10;

    private static readonly OrderedLock<LeafLevel> s_lock = new();
    private static readonly Dictionary<object, object> s_waitsFor = new(ReferenceEqualityComparer.Instance);

    /// <summary>
    /// Notes that <paramref name="owner"/> waits for <paramref name="holder"/>; false when that would close a circle.
    /// </summary>
    internal static bool TryWait(object owner, object holder)
    {
        using (s_lock.Enter())
        {
            object? at = holder;
            for (int step = 0; step < MaxChain && at is not null; step++)
            {
                if (ReferenceEquals(at, owner))
                {
                    return false;
                }

                at = s_waitsFor.GetValueOrDefault(at);
            }

            s_waitsFor[owner] = holder;
            return true;
        }
    }

    /// <summary>The owner waits no more.</summary>
    internal static void End(object owner)
    {
        using (s_lock.Enter())
        {
            s_waitsFor.Remove(owner);
        }
    }
}
