using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

// epoll_ctl(2).
public sealed partial class EpollDescription
{
    /// <summary>Removed items kept for the next descriptors: servers add and remove one for every request.</summary>
    private const int MaxSpare = 16;
    private const uint ExclusiveMay = InOut | AlwaysReported | Epoll.EPOLLET | Epoll.EPOLLEXCLUSIVE | Epoll.EPOLLWAKEUP;

    // Taken when an epoll instance is put into another, or a file into one that may be in another: the tree of
    // instances stays still while it is checked.
    private static readonly OrderedLock<EpollTreeLevel> s_treeLock = new();

    // Linked by NextReady. Guarded by _lock.
    private EpollItem? _spares;
    private int _spareCount;

    // Set for good once another instance watches this one; guarded by _lock.
    private bool _isNested;

    /// <summary>
    /// EPOLL_CTL_ADD. EEXIST; EPERM (the file cannot be waited for); ELOOP (a cycle, or more than five levels); EINVAL
    /// (too many ways for one wake-up).
    /// </summary>
    public Errno Add(Task task, FileDescription file, int descriptor, in EpollEvent wanted)
    {
        if (file is EpollDescription child)
        {
            return AddInstance(task, child, descriptor, in wanted);
        }

        Errno errno = AddItem(task, file, descriptor, in wanted, PathCheck.Pending, out bool isAdded);
        if (errno != Errno.None || isAdded)
        {
            return errno;
        }

        using (s_treeLock.Enter())
        {
            bool fits = Watches(file, descriptor) || new EpollPaths(this).Admits(file);
            return fits ? AddItem(task, file, descriptor, in wanted, PathCheck.Done, out _) : Errno.EINVAL;
        }
    }

    private Errno AddInstance(Task task, EpollDescription child, int descriptor, in EpollEvent wanted)
    {
        if ((wanted.events & Epoll.EPOLLEXCLUSIVE) != 0)
        {
            return Errno.EINVAL;
        }

        using (s_treeLock.Enter())
        {
            EpollPaths paths = new(this);
            if (!paths.AdmitsInstance(child))
            {
                return Errno.ELOOP;
            }

            bool fits = Watches(child, descriptor) || paths.AdmitsFilesBelow();
            return fits ? AddItem(task, child, descriptor, in wanted, PathCheck.Done, out _) : Errno.EINVAL;
        }
    }

    private bool Watches(FileDescription file, int descriptor)
    {
        using (_lock.Enter())
        {
            return _items.ContainsKey((file, descriptor));
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

    /// <summary>Whether the wake-up paths through nested instances were counted.</summary>
    private enum PathCheck
    {
        Pending,
        Done,
    }

    /// <summary>
    /// Adds an item, unless this instance is nested and the paths are still to be counted: None, and not added.
    /// </summary>
    private Errno AddItem(
        Task task, FileDescription file, int descriptor, in EpollEvent wanted, PathCheck check, out bool isAdded)
    {
        isAdded = false;
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

            if (_isNested && check == PathCheck.Pending)
            {
                return Errno.None;
            }

            isAdded = true;
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

    /// <summary>
    /// The instances this one watches; they and it are nested from now on. Called with the tree lock held.
    /// </summary>
    internal void CollectNested(List<EpollDescription> instances)
    {
        using (_lock.Enter())
        {
            _isNested = true;
            foreach (EpollItem item in _items.Values)
            {
                if (item.File is EpollDescription child)
                {
                    instances.Add(child);
                }
            }
        }
    }

    /// <summary>The files this instance watches, without other instances.</summary>
    internal void CollectFiles(List<FileDescription> files)
    {
        using (_lock.Enter())
        {
            foreach (EpollItem item in _items.Values)
            {
                if (item.File is not EpollDescription)
                {
                    files.Add(item.File);
                }
            }
        }
    }
}
