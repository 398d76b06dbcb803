using System;
using System.Collections.Generic;
using Sentry.Sync;

namespace Sentry.Fs.Gofer;

/// <summary>Something whose host descriptors may be closed whenever nobody uses them.</summary>
internal interface IKeepsDescriptors
{
    /// <summary>True while a list holds this one; guarded by the list's lock.</summary>
    bool IsKept { get; set; }

    /// <summary>Closes what nobody uses now; it is opened again when it is needed.</summary>
    void CloseDescriptors();
}

/// <summary>
/// Those whose descriptors are kept although nobody needs them at the moment, all mounts of one client together;
/// beyond the limit the longest kept are closed.
/// </summary>
internal sealed class KeptDescriptors<T>(int limit, int leastClosed)
    where T : class, IKeepsDescriptors
{
    /// <summary>Guards the queue and <see cref="IKeepsDescriptors.IsKept"/> of all in it.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly Queue<T> _queue = new();

    /// <summary>Its descriptors are kept from now on.</summary>
    internal void Add(T item)
    {
        T? oldest = null;
        using (_lock.Enter())
        {
            if (item.IsKept)
            {
                return;
            }

            item.IsKept = true;
            _queue.Enqueue(item);
            if (_queue.Count > limit)
            {
                oldest = TakeOldestLocked();
            }
        }

        oldest?.CloseDescriptors();
    }

    /// <summary>Descriptors run out: closes a quarter of them.</summary>
    internal void CloseSome()
    {
        int wanted;
        using (_lock.Enter())
        {
            wanted = Math.Min(_queue.Count, Math.Max(_queue.Count / 4, leastClosed));
        }

        for (; wanted > 0; wanted--)
        {
            T? oldest;
            using (_lock.Enter())
            {
                oldest = _queue.Count > 0 ? TakeOldestLocked() : null;
            }

            oldest?.CloseDescriptors();
        }
    }

    private T TakeOldestLocked()
    {
        T oldest = _queue.Dequeue();
        oldest.IsKept = false;
        return oldest;
    }
}
