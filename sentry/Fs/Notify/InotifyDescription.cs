using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Notify;

/// <summary>An inotify instance: its watches and the events not yet read (inotify(7)).</summary>
public sealed class InotifyDescription : FileDescription
{
    private const int HeaderBytes = 16;
    private const int MaxQueued = 16384;
    private const int MaxWatches = 65536;

    // /proc/sys/fs/inotify/max_user_instances.
    private const int MaxInstancesOfUser = 128;

    private readonly Inode _inode;
    private readonly UserAccount _account;
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Queue<PendingEvent> _events = new();
    private readonly Dictionary<int, InotifyWatch> _watches = [];
    private readonly Dictionary<Inode, InotifyWatch> _byTarget = [];
    private PendingEvent _newest;
    private int _queuedBytes;
    private int _lastWatch;

    /// <summary>An instance of the given kernel, counted for <paramref name="account"/>.</summary>
    private InotifyDescription(GuestKernel kernel, UserAccount account, int flags)
    {
        _account = account;
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x180, 0, 0);
        Flags = Fcntl.O_RDONLY | (flags & Fcntl.O_NONBLOCK);
    }

    /// <summary>One event on its way to the reader.</summary>
    private readonly record struct PendingEvent(int Watch, uint Mask, uint Cookie, string? Name)
    {
        /// <summary>Bytes in the reader's buffer: the name is padded with NULs to a multiple of the header.</summary>
        internal int Bytes => HeaderBytes + NameBytes;

        internal int NameBytes => Name is null ? 0 : (Name.Length + HeaderBytes) / HeaderBytes * HeaderBytes;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <summary>inotify_init1(2): EMFILE when the user has too many instances.</summary>
    public static Errno Create(Task task, int flags, out InotifyDescription? made)
    {
        made = null;
        UserAccount account = task.Kernel.Accounts.Get(task.Credentials.EffectiveUid);
        if (!account.TryAddInotifyInstance(MaxInstancesOfUser))
        {
            return Errno.EMFILE;
        }

        made = new InotifyDescription(task.Kernel, account, flags);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override string AnonymousName => "anon_inode:inotify";

    /// <inheritdoc/>
    public override WaitQueue WaitQueue { get; } = new();

    /// <summary>
    /// Adds a watch or changes the one that is there. ENOSPC at the limit, EEXIST for IN_MASK_CREATE.
    /// </summary>
    public Errno AddWatch(Inode target, uint mask, out int number)
    {
        using (_lock.Enter())
        {
            if (_byTarget.TryGetValue(target, out InotifyWatch? existing))
            {
                number = existing.Number;
                return (mask & Inotify.IN_MASK_CREATE) != 0 ? Errno.EEXIST : existing.ChangeMask(mask);
            }

            number = -1;
            if (_watches.Count >= MaxWatches)
            {
                return Errno.ENOSPC;
            }

            if (!target.TryReference())
            {
                return Errno.ENOENT;
            }

            number = ++_lastWatch;
            InotifyWatch watch = new(this, target, number, mask);
            _watches.Add(number, watch);
            _byTarget.Add(target, watch);
            target.AddWatch(watch);
            return Errno.None;
        }
    }

    /// <summary>inotify_rm_watch(2): EINVAL for a number that is no watch.</summary>
    public Errno RemoveWatch(int number)
    {
        InotifyWatch? watch;
        using (_lock.Enter())
        {
            if (!_watches.Remove(number, out watch))
            {
                return Errno.EINVAL;
            }

            _byTarget.Remove(watch.Target);
        }

        Queue(watch, Inotify.IN_IGNORED, 0, null);
        watch.Detach();
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done)
    {
        done = 0;
        byte[] record = new byte[HeaderBytes + 256 + HeaderBytes];
        while (TryTake(destination.Remaining, out PendingEvent next, out Errno errno))
        {
            int length = Encode(in next, record);
            errno = destination.CopyOut(record.AsSpan(0, length), out int copied);
            done += copied;
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return done > 0 ? Errno.None : IsEmpty ? Errno.EAGAIN : Errno.EINVAL;
    }

    /// <inheritdoc/>
    public override uint Poll(Task task) => IsEmpty ? 0 : Epoll.EPOLLIN | Epoll.EPOLLRDNORM;

    /// <summary>Succeeds and does nothing (noop_llseek).</summary>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        if (command != Ioctls.FIONREAD)
        {
            return Errno.ENOTTY;
        }

        int bytes;
        using (_lock.Enter())
        {
            bytes = _queuedBytes;
        }

        return task.Mm.Write(new GuestAddress(argument), bytes);
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        _account.DropInotifyInstance();
        List<InotifyWatch> all;
        using (_lock.Enter())
        {
            all = [.. _watches.Values];
            _watches.Clear();
            _byTarget.Clear();
            _events.Clear();
        }

        foreach (InotifyWatch watch in all)
        {
            watch.Detach();
        }
    }

    /// <summary>An event for a watch. After IN_IGNORED the watch is gone.</summary>
    internal void OnEvent(InotifyWatch watch, uint mask, uint cookie, string? name)
    {
        bool ends = (mask & Inotify.IN_IGNORED) != 0 || watch.IsOneShot;
        if (ends)
        {
            using (_lock.Enter())
            {
                if (!_watches.Remove(watch.Number))
                {
                    return;
                }

                _byTarget.Remove(watch.Target);
            }
        }

        Queue(watch, mask, cookie, name);
        if (!ends)
        {
            return;
        }

        if ((mask & Inotify.IN_IGNORED) == 0)
        {
            Queue(watch, Inotify.IN_IGNORED, 0, null);
        }

        watch.Detach();
    }

    private bool IsEmpty
    {
        get
        {
            using (_lock.Enter())
            {
                return _events.Count == 0;
            }
        }
    }

    private void Queue(InotifyWatch watch, uint mask, uint cookie, string? name)
    {
        PendingEvent made = new(watch.Number, mask, cookie, name);
        using (_lock.Enter())
        {
            if (_events.Count > 0 && _newest == made)
            {
                return;
            }

            if (_events.Count >= MaxQueued)
            {
                PendingEvent overflow = new(-1, Inotify.IN_Q_OVERFLOW, 0, null);
                if (_newest == overflow)
                {
                    return;
                }

                made = overflow;
            }

            _events.Enqueue(made);
            _newest = made;
            _queuedBytes += made.Bytes;
        }

        WaitQueue.Notify(Epoll.EPOLLIN | Epoll.EPOLLRDNORM);
    }

    /// <summary>Takes the oldest event if it fits.</summary>
    private bool TryTake(long room, out PendingEvent next, out Errno errno)
    {
        errno = Errno.None;
        using (_lock.Enter())
        {
            if (!_events.TryPeek(out next) || next.Bytes > room)
            {
                return false;
            }

            _events.Dequeue();
            _queuedBytes -= next.Bytes;
            return true;
        }
    }

    private static int Encode(in PendingEvent source, byte[] record)
    {
        Array.Clear(record);
        BinaryPrimitives.WriteInt32LittleEndian(record, source.Watch);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), source.Mask);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), source.Cookie);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), source.NameBytes);
        if (source.Name is { } name)
        {
            Encoding.Latin1.GetBytes(name, record.AsSpan(HeaderBytes));
        }

        return source.Bytes;
    }
}
