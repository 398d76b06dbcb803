using System;
using System.Collections.Generic;
using Sentry.Sync;

namespace Sentry.Fs.Gofer;

/// <summary>Directories with a <see cref="DirectoryView"/>; beyond the limit the oldest gives its own up.</summary>
internal sealed class ViewCache(int limit)
{
    private const int LeastClosed = 4;

    /// <summary>Guards the queue.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly Queue<GoferDirectory> _queue = new();

    /// <summary>The directory has a view now.</summary>
    internal void Add(GoferDirectory directory)
    {
        GoferDirectory? oldest = null;
        using (_lock.Enter())
        {
            _queue.Enqueue(directory);
            if (_queue.Count > limit)
            {
                oldest = _queue.Dequeue();
            }
        }

        oldest?.DropView();
    }

    /// <summary>Descriptors run out: closes a quarter of them.</summary>
    internal void CloseSome()
    {
        int wanted;
        using (_lock.Enter())
        {
            wanted = Math.Min(_queue.Count, Math.Max(_queue.Count / 4, LeastClosed));
        }

        for (; wanted > 0; wanted--)
        {
            GoferDirectory? oldest;
            using (_lock.Enter())
            {
                _queue.TryDequeue(out oldest);
            }

            oldest?.DropView();
        }
    }
}
