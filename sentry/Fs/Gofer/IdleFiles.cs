using System;
using System.Collections.Generic;
using Sentry.Sync;

namespace Sentry.Fs.Gofer;

/// <summary>
/// Files that nobody has open and whose descriptors are kept for the next open, all mounts of one client together;
/// beyond the limit the longest idle is closed.
/// </summary>
internal sealed class IdleFiles(int limit)
{
    private const int LeastClosed = 16;

    /// <summary>Guards the queue and <see cref="GoferRegularFile.IsIdle"/> of all files.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly Queue<GoferRegularFile> _queue = new();

    /// <summary>Nobody has the file open now.</summary>
    internal void Add(GoferRegularFile file)
    {
        GoferRegularFile? oldest = null;
        using (_lock.Enter())
        {
            if (file.IsIdle)
            {
                return;
            }

            file.IsIdle = true;
            _queue.Enqueue(file);
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
            wanted = Math.Min(_queue.Count, Math.Max(_queue.Count / 4, LeastClosed));
        }

        for (; wanted > 0; wanted--)
        {
            GoferRegularFile? oldest;
            using (_lock.Enter())
            {
                oldest = _queue.Count > 0 ? TakeOldestLocked() : null;
            }

            oldest?.CloseDescriptors();
        }
    }

    private GoferRegularFile TakeOldestLocked()
    {
        GoferRegularFile oldest = _queue.Dequeue();
        oldest.IsIdle = false;
        return oldest;
    }
}
