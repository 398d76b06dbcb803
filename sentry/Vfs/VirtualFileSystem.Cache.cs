using System.Threading;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>
/// The bound on cached dentries. Second chance: entries stand in a queue; the hand passes one over if it was looked up
/// since the last pass.
/// Entries in use (open, working directory, mount point, with children) and those of file systems that live in the
/// cache (tmpfs) stay.
/// </summary>
public sealed partial class VirtualFileSystem
{
    private const int DefaultCacheLimit = 65536;
    private const int TrimBatch = 64;

    private readonly OrderedLock<LeafLevel> _cacheLock = new();
    private readonly DentryQueue _cacheOrder = new();
    private int _cachedCount;
    private int _queued;

    /// <summary>Most reclaimable dentries kept.</summary>
    public int CacheLimit { get; set; } = DefaultCacheLimit;

    /// <summary>Reclaimable dentries in the cache now.</summary>
    public int CachedCount => Volatile.Read(ref _cachedCount);

    private void CountCached(Dentry child)
    {
        if (child.SuperBlock.KeepsDentries && child.Inode is not null)
        {
            return;
        }

        child.SetCounted();
        Interlocked.Increment(ref _cachedCount);
        using (_cacheLock.Enter())
        {
            QueueLocked(child);
        }
    }

    /// <summary>
    /// The entry left the cache or became one that must stay: the queue keeps neither it nor what it names.
    /// </summary>
    private void CountUncached(Dentry child)
    {
        if (!child.TestAndClearCounted())
        {
            return;
        }

        Interlocked.Decrement(ref _cachedCount);
        using (_cacheLock.Enter())
        {
            if (_cacheOrder.Contains(child))
            {
                _cacheOrder.Remove(child);
                Volatile.Write(ref _queued, _cacheOrder.Count);
            }
        }
    }

    private void QueueLocked(Dentry child)
    {
        // Not counted any more: it died while the hand had it.
        if (child.IsCounted && !_cacheOrder.Contains(child))
        {
            _cacheOrder.Add(child);
            Volatile.Write(ref _queued, _cacheOrder.Count);
        }
    }

    /// <summary>Drops entries above the limit; called without locks after an insertion.</summary>
    private void TrimCache()
    {
        if (Volatile.Read(ref _queued) <= CacheLimit)
        {
            return;
        }

        for (int step = 0; step < TrimBatch; step++)
        {
            Dentry? candidate;
            using (_cacheLock.Enter())
            {
                candidate = _cacheOrder.TakeOldest();
                if (candidate is null)
                {
                    return;
                }

                Volatile.Write(ref _queued, _cacheOrder.Count);
            }

            if (candidate.IsCounted && !TryDrop(candidate))
            {
                using (_cacheLock.Enter())
                {
                    QueueLocked(candidate);
                }
            }
        }
    }

    /// <summary>Takes an unused entry out of the cache. True when it is out (also when somebody else did it).</summary>
    private bool TryDrop(Dentry candidate)
    {
        if (candidate.TestAndClearReferenced() || candidate.IsPinned || candidate.ChildCount != 0
            || candidate.Parent is not { } parent)
        {
            return false;
        }

        Inode? inode;
        using (parent.Inode!.DirectoryLock.Enter())
        {
            if (!candidate.IsCounted)
            {
                return true;
            }

            if (candidate.Parent != parent || candidate.IsPinned || candidate.ChildCount != 0)
            {
                return false;
            }

            inode = candidate.Inode;
            parent.RemoveChildLocked(candidate);
            CountUncached(candidate);
        }

        inode?.DropReference();
        return true;
    }
}
