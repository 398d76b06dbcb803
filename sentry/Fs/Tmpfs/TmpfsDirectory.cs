using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>
/// A directory. Entries are found by name in a dictionary and listed in the order of their cookies, which only grow: a
/// listing that goes on after
/// names came and went neither repeats nor skips a name that was there all the time.
/// </summary>
internal sealed partial class TmpfsDirectory : TmpfsInode
{
    private const long FirstCookie = 2;
    private const int EntrySize = 20;

    private readonly Dictionary<string, Entry> _byName = new(StringComparer.Ordinal);
    private readonly List<Entry> _byCookie = [];
    private long _nextCookie = FirstCookie;
    private int _holes;
    private TmpfsDirectory? _parent;

    // Removed or about to be: takes no names. Guarded by Lock.
    private bool _isClosed;

    internal TmpfsDirectory(TmpfsSuperBlock superBlock, in CreateContext context, TmpfsDirectory? parent)
        : base(superBlock, in context)
    {
        _parent = parent;
        SetLinks(2);
    }

    /// <summary>A name; the inode is null once it is removed (a hole in the list).</summary>
    private sealed class Entry(string name, TmpfsInode inode, long cookie)
    {
        internal readonly string Name = name;
        internal readonly long Cookie = cookie;

        // Of the inode, which a listing so need not touch: it is one of many.
        internal readonly ulong Number = inode.Number;
        internal readonly byte Type = DirectoryEntries.TypeOf(inode.FileType);
        internal TmpfsInode? Inode = inode;
    }

    /// <inheritdoc/>
    protected override (long SizeBytes, long Blocks) SizeLocked => ((_byName.Count + 2) * EntrySize, 0);

    /// <summary>True when it has no entries.</summary>
    internal bool IsEmpty
    {
        get
        {
            using (Lock.Enter())
            {
                return _byName.Count == 0;
            }
        }
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        using (Lock.Enter())
        {
            bool found = _byName.TryGetValue(name, out Entry? entry);
            child = entry?.Inode;
            return found ? Errno.None : Errno.ENOENT;
        }
    }

    /// <inheritdoc/>
    public override Errno Create(in CreateContext context, string name, out Inode? child) =>
        Make(in context, name, 0, null, out child);

    /// <inheritdoc/>
    public override Errno MakeDirectory(in CreateContext context, string name, out Inode? child) =>
        Make(in context, name, 0, null, out child);

    /// <inheritdoc/>
    public override Errno MakeNode(in CreateContext context, string name, ulong specialDevice, out Inode? child) =>
        Make(in context, name, specialDevice, null, out child);

    /// <inheritdoc/>
    public override Errno MakeSymlink(in CreateContext context, string name, string target, out Inode? child) =>
        Make(in context, name, 0, target, out child);

    /// <inheritdoc/>
    public override Errno Revalidate(Task task, string name, Inode? child)
    {
        using (Lock.Enter())
        {
            Inode? now = _byName.TryGetValue(name, out Entry? entry) ? entry.Inode : null;
            return now == child ? Errno.None : Errno.ESTALE;
        }
    }

    /// <inheritdoc/>
    public override Errno MakeUnnamed(in CreateContext context, out Inode? file)
    {
        Errno errno = Allocate(in context, 0, null, out TmpfsInode? made);
        made?.SetLinks(0);
        file = made;
        return errno;
    }

    /// <inheritdoc/>
    public override Errno Link(Task task, string name, Inode target)
    {
        // The VFS has looked already, but an overlay's idea of what it names may be old: a directory has one name.
        TmpfsInode inode = (TmpfsInode)target;
        if (inode is TmpfsDirectory)
        {
            return Errno.EPERM;
        }

        // Asked for and given back: the entry charges itself.
        if (!Instance.TryChargeHeap(EntryBytes(name)))
        {
            return Errno.ENOSPC;
        }

        Instance.UnchargeHeap(EntryBytes(name));
        if (!TryAddEntry(name, inode))
        {
            return Errno.EEXIST;
        }

        inode.AddLinks(1);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Unlink(Task task, string name, Inode child)
    {
        if (child is TmpfsDirectory)
        {
            return Errno.EISDIR;
        }

        if (!TryRemoveEntry(name, (TmpfsInode)child))
        {
            return Errno.ENOENT;
        }

        ((TmpfsInode)child).AddLinks(-1);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno RemoveDirectory(Task task, string name, Inode child)
    {
        if (child is not TmpfsDirectory victim)
        {
            return Errno.ENOTDIR;
        }

        if (!victim.TryClose())
        {
            return Errno.ENOTEMPTY;
        }

        if (!TryRemoveEntry(name, victim))
        {
            victim.Reopen();
            return Errno.ENOENT;
        }

        victim.Detach();
        AddLinks(-1);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new TmpfsDirectoryDescription(this, path);
        return Errno.None;
    }

    /// <summary>The directory above, for ".."; itself at the root.</summary>
    internal TmpfsDirectory Parent => _parent ?? this;

    /// <summary>
    /// Lists entries from the cookie on. Stops when the sink is full; returns the cookie to go on from.
    /// </summary>
    internal long Iterate(long cookie, IDirentSink sink)
    {
        using (Lock.Enter())
        {
            for (int index = FindCookie(cookie); index < _byCookie.Count; index++)
            {
                Entry entry = _byCookie[index];
                if (entry.Inode is not null
                    && !sink.Add(entry.Number, entry.Type, entry.Name, entry.Cookie + 1))
                {
                    return entry.Cookie;
                }
            }

            return Math.Max(cookie, _nextCookie);
        }
    }

    /// <summary>Inodes of all entries, for freeing a whole instance.</summary>
    internal TmpfsInode[] Children
    {
        get
        {
            using (Lock.Enter())
            {
                TmpfsInode[] children = new TmpfsInode[_byName.Count];
                int count = 0;
                foreach (Entry entry in _byName.Values)
                {
                    children[count++] = entry.Inode!;
                }

                return children;
            }
        }
    }

    private Errno Make(in CreateContext context, string name, ulong device, string? target, out Inode? child)
    {
        Errno errno = Allocate(in context, device, target, out TmpfsInode? made);
        child = made;
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!TryAddEntry(name, made!))
        {
            child = null;
            made!.SetLinks(0);
            made.Evict();
            return _isClosed ? Errno.ENOENT : Errno.EEXIST;
        }

        if (made is TmpfsDirectory)
        {
            AddLinks(1);
        }

        return Errno.None;
    }

    private Errno Allocate(in CreateContext context, ulong device, string? target, out TmpfsInode? made)
    {
        made = null;
        if (!Instance.TryAddInode(HeapBytesOf(target)))
        {
            return Errno.ENOSPC;
        }

        uint mode = context.Mode;
        bool isLink = (mode & StatMode.S_IFMT) == StatMode.S_IFLNK;
        AccessControlList? access = isLink ? null : DefaultAccessList?.ForNewFile(ref mode);
        CreateContext narrowed = context with { Mode = mode };
        made = (mode & StatMode.S_IFMT) switch
        {
            StatMode.S_IFREG => new TmpfsFile(Instance, context.Task.ThreadGroup.Scope.Memory, in narrowed),
            StatMode.S_IFDIR => new TmpfsDirectory(Instance, in narrowed, this),
            StatMode.S_IFLNK => new TmpfsSymlink(Instance, in narrowed, target!),
            _ => new TmpfsNode(Instance, in narrowed, device),
        };
        made.InheritAccessLists(access, DefaultAccessList);
        return Errno.None;
    }

    // The overlay that has this directory as its upper one does not hold the VFS's lock of it, so what a caller found
    // may have changed: names are added and removed only if that still holds.
    private bool TryAddEntry(string name, TmpfsInode inode)
    {
        using (Lock.Enter())
        {
            Entry entry = new(name, inode, _nextCookie);
            if (_isClosed || !_byName.TryAdd(name, entry))
            {
                return false;
            }

            _nextCookie++;
            _byCookie.Add(entry);
            Instance.ChargeHeap(EntryBytes(name));
            TouchModified();
            return true;
        }
    }

    /// <summary>
    /// Takes no more names from now on, for the directory is about to be removed; false if it has some, or somebody
    /// else is removing it.
    /// </summary>
    private bool TryClose()
    {
        using (Lock.Enter())
        {
            if (_isClosed || _byName.Count > 0)
            {
                return false;
            }

            _isClosed = true;
            return true;
        }
    }

    private void Reopen()
    {
        using (Lock.Enter())
        {
            _isClosed = false;
        }
    }

    /// <summary>True when the directory is <paramref name="other"/> or above it. Caller: the rename lock.</summary>
    private bool IsAboveOrSame(TmpfsDirectory other)
    {
        TmpfsDirectory? at = other;
        while (at is not null && at != this)
        {
            at = at._parent;
        }

        return at is not null;
    }

    private bool TryRemoveEntry(string name, TmpfsInode inode)
    {
        using (Lock.Enter())
        {
            if (!_byName.TryGetValue(name, out Entry? entry) || entry.Inode != inode)
            {
                return false;
            }

            _byName.Remove(name);
            Instance.UnchargeHeap(EntryBytes(name));
            entry.Inode = null;
            _holes++;
            if (_holes > 32 && _holes > _byCookie.Count / 2)
            {
                _byCookie.RemoveAll(static candidate => candidate.Inode is null);
                _holes = 0;
            }

            TouchModified();
            return true;
        }
    }

    // The entry, its places in the tables, the cached dentry, and the name.
    private static long EntryBytes(string name) => 400 + KernelHeap.TextBytes(name.Length);

    private void Detach()
    {
        SetLinks(0);
        TouchChanged();
    }

    private int FindCookie(long cookie)
    {
        int low = 0;
        int high = _byCookie.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_byCookie[middle].Cookie < cookie)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
