using System.Collections.Generic;
using Sentry.Sync;

namespace Sentry.Vfs;

public abstract partial class FileDescription
{
    private readonly OrderedLock<LeafLevel> _epollItemsLock = new();

    // Guarded by _epollItemsLock. Items of every epoll instance that watches this file.
    private EpollItem? _epollItems;

    /// <summary>Epoll instances that watch this file, an instance once per descriptor.</summary>
    internal List<EpollDescription> EpollWatchers()
    {
        List<EpollDescription> watchers = new();
        using (_epollItemsLock.Enter())
        {
            for (EpollItem? item = _epollItems; item is not null; item = item.NextOfFile)
            {
                watchers.Add(item.Owner);
            }
        }

        return watchers;
    }

    internal void AddEpollItem(EpollItem item)
    {
        using (_epollItemsLock.Enter())
        {
            item.NextOfFile = _epollItems;
            if (_epollItems is not null)
            {
                _epollItems.PreviousOfFile = item;
            }

            _epollItems = item;
        }
    }

    internal void RemoveEpollItem(EpollItem item)
    {
        using (_epollItemsLock.Enter())
        {
            if (item.PreviousOfFile is not null)
            {
                item.PreviousOfFile.NextOfFile = item.NextOfFile;
            }
            else if (_epollItems == item)
            {
                _epollItems = item.NextOfFile;
            }

            if (item.NextOfFile is not null)
            {
                item.NextOfFile.PreviousOfFile = item.PreviousOfFile;
            }

            item.NextOfFile = null;
            item.PreviousOfFile = null;
        }
    }

    /// <summary>
    /// The last reference is gone: leave every epoll instance (epoll(7), question 6). Called before <see
    /// cref="Release"/>, without locks.
    /// </summary>
    private void LeaveEpoll()
    {
        while (_epollItems is not null)
        {
            EpollItem? first;
            using (_epollItemsLock.Enter())
            {
                first = _epollItems;
            }

            first?.Owner.RemoveItem(first, this);
        }
    }
}
