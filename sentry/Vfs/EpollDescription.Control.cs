using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

// epoll_ctl(2).
public sealed partial class EpollDescription
{
    private const int MaxNesting = 4;

    /// <summary>Removed items kept for the next descriptors: servers add and remove one for every request.</summary>
    private const int MaxSpare = 16;
    private const uint ExclusiveMay = InOut | AlwaysReported | Epoll.EPOLLET | Epoll.EPOLLEXCLUSIVE | Epoll.EPOLLWAKEUP;

    // Taken when an epoll instance is put into another, so that the tree stays still while it is checked.
    private static readonly OrderedLock<EpollTreeLevel> s_treeLock = new();

    // Linked by NextReady. Guarded by _lock.
    private EpollItem? _spares;
    private int _spareCount;

    /// <summary>
    /// EPOLL_CTL_ADD. EEXIST, ELOOP (a cycle, or more than five levels), EPERM (the file cannot be waited for).
    /// </summary>
    public Errno Add(Task task, FileDescription file, int descriptor, in EpollEvent wanted)
    {
        if (file is not EpollDescription child)
        {
            return AddItem(task, file, descriptor, wanted);
        }

        if ((wanted.events & Epoll.EPOLLEXCLUSIVE) != 0)
        {
            return Errno.EINVAL;
        }

        using (s_treeLock.Enter())
        {
            return child.Reaches(this, 0) || Height(0) + child.Depth(0) > MaxNesting
                ? Errno.ELOOP
                : AddItem(task, file, descriptor, wanted);
        }
    }

    /// <summary>EPOLL_CTL_MOD. ENOENT; EINVAL for exclusive items.</summary>
    public Errno Modify(Task task, FileDescription file, int descriptor, in EpollEvent wanted)
    {
        if ((wanted.events & Epoll.EPOLLEXCLUSIVE) != 0)
        {
            return Errno.EINVAL;
        }

        using (_lock.Enter())
        {
            if (!_items.TryGetValue((file, descriptor), out EpollItem? item))
            {
                return Errno.ENOENT;
            }

            if ((item.Behaviour & Epoll.EPOLLEXCLUSIVE) != 0)
            {
                return Errno.EINVAL;
            }

            SetInterestLocked(item, wanted);
            MarkIfReadyLocked(task, item);
        }

        return Errno.None;
    }

    /// <summary>EPOLL_CTL_DEL. ENOENT.</summary>
    public Errno Remove(FileDescription file, int descriptor)
    {
        using (_lock.Enter())
        {
            return _items.TryGetValue((file, descriptor), out EpollItem? item) && RemoveLocked(item)
                ? Errno.None
                : Errno.ENOENT;
        }
    }

    /// <summary>
    /// Forgets an item of a file; false when another thread already did (it may watch another file by now). Called
    /// without locks.
    /// </summary>
    internal bool RemoveItem(EpollItem item, FileDescription file)
    {
        using (_lock.EnterNested())
        {
            return item.File == file && RemoveLocked(item);
        }
    }

    private bool RemoveLocked(EpollItem item)
    {
        if (item.IsRemoved)
        {
            return false;
        }

        item.IsRemoved = true;
        _items.Remove((item.File, item.Descriptor));
        item.File.WaitQueue?.Remove(item);
        item.File.RemoveEpollItem(item);
        UnlinkReady(item);
        if (_spareCount < MaxSpare)
        {
            // Nobody calls it any more, and who still holds it looks at its state under the lock.
            item.File = this;
            item.NextReady = _spares;
            _spares = item;
            _spareCount++;
        }

        return true;
    }

    /// <summary>A new item, or one that was removed.</summary>
    private EpollItem MakeItemLocked(FileDescription file, int descriptor)
    {
        EpollItem? item = _spares;
        if (item is null)
        {
            return new EpollItem(this, file) { Descriptor = descriptor };
        }

        _spares = item.NextReady;
        _spareCount--;
        item.NextReady = null;
        item.File = file;
        item.Descriptor = descriptor;
        item.IsRemoved = false;
        return item;
    }

    private Errno AddItem(Task task, FileDescription file, int descriptor, in EpollEvent wanted)
    {
        if ((wanted.events & Epoll.EPOLLEXCLUSIVE) != 0 && (wanted.events & ~ExclusiveMay) != 0)
        {
            return Errno.EINVAL;
        }

        WaitQueue? queue = file.WaitQueue;
        if (queue is null)
        {
            return Errno.EPERM;
        }

        using (_lock.Enter())
        {
            if (_items.ContainsKey((file, descriptor)))
            {
                return Errno.EEXIST;
            }

            EpollItem item = MakeItemLocked(file, descriptor);
            _items.Add((file, descriptor), item);
            SetInterestLocked(item, wanted);
            item.IsExclusive = (wanted.events & Epoll.EPOLLEXCLUSIVE) != 0;
            file.AddEpollItem(item);
            queue.Add(item);
            MarkIfReadyLocked(task, item);
        }

        return Errno.None;
    }

    private static void SetInterestLocked(EpollItem item, in EpollEvent wanted)
    {
        item.Data = wanted.data;
        item.Behaviour = wanted.events & ~Conditions;
        item.Events = (wanted.events & Conditions) | AlwaysReported;

        // No condition at all is how EPOLLONESHOT leaves an item, and a guest may ask for it: nothing is reported,
        // not even errors.
        item.IsDisabled = false;
    }

    private void MarkIfReadyLocked(Task task, EpollItem item)
    {
        if (ReadyEventsLocked(task, item) != 0)
        {
            PushReady(item);
            _queue.Notify(ReadEvents);
        }
    }

    /// <summary>True when <paramref name="target"/> is this instance or below it.</summary>
    private bool Reaches(EpollDescription target, int depth)
    {
        if (this == target)
        {
            return true;
        }

        using (_lock.EnterNested())
        {
            foreach (EpollItem item in _items.Values)
            {
                if (depth <= MaxNesting && item.File is EpollDescription child && child.Reaches(target, depth + 1))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Levels of instances below this one.</summary>
    private int Depth(int depth)
    {
        int deepest = 0;
        using (_lock.EnterNested())
        {
            foreach (EpollItem item in _items.Values)
            {
                if (depth <= MaxNesting && item.File is EpollDescription child)
                {
                    deepest = System.Math.Max(deepest, 1 + child.Depth(depth + 1));
                }
            }
        }

        return deepest;
    }

    /// <summary>Levels of instances above this one, counting the link about to be made.</summary>
    private int Height(int depth)
    {
        int highest = 0;
        foreach (EpollDescription parent in EpollWatchers())
        {
            if (depth <= MaxNesting)
            {
                highest = System.Math.Max(highest, parent.Height(depth + 1));
            }
        }

        return highest + 1;
    }
}
