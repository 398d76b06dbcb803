using System.Threading;
using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>What hangs on an inode only when used: watches, file locks, access lists.</summary>
public abstract partial class Inode
{
    private FileWatches? _watches;
    private InodeLocks? _locks;
    private int _watchReferences;

    /// <summary>Watches, null when there never was one.</summary>
    public FileWatches? Watches => Volatile.Read(ref _watches);

    /// <summary>Record and whole-file locks, null when there never was one.</summary>
    internal InodeLocks? Locks => Volatile.Read(ref _locks);

    /// <summary>An O_TMPFILE file that linkat(2) may give a name although its link count is 0.</summary>
    internal bool IsLinkableUnnamed { get; set; }

    /// <summary>How long what is written will live (fcntl(2), F_SET_RW_HINT); nobody acts on it.</summary>
    internal ulong WriteLifeHint { get; set; }

    /// <summary>
    /// Set for good on a directory whose names a stacked file system changes without the VFS (the upper and the work
    /// directories of an overlay): entries of the dentry cache are then asked again.
    /// </summary>
    internal bool IsChangedFromAbove { get; set; }

    /// <summary>
    /// Bytes of whole pages from <paramref name="start"/> to <paramref name="end"/> that the sandbox's own page cache
    /// holds (cachestat(2)).
    /// </summary>
    public virtual ulong CachedBytes(ulong start, ulong end) => 0;

    /// <summary>POSIX access list, null when mode bits say it all.</summary>
    public virtual AccessControlList? AccessList => null;

    /// <summary>List that new files in this directory start from.</summary>
    public virtual AccessControlList? DefaultAccessList => null;

    /// <summary>
    /// Adds a watch, whose reference on this inode the caller took; the watch gives it back by leaving.
    /// </summary>
    public void AddWatch(IFileWatch watch)
    {
        Interlocked.Increment(ref _watchReferences);
        GetWatches().Add(watch);
    }

    /// <summary>Removes a watch and drops its reference.</summary>
    public void RemoveWatch(IFileWatch watch)
    {
        GetWatches().Remove(watch);
        Interlocked.Decrement(ref _watchReferences);
        DropReference();
    }

    /// <summary>When only watches still hold a file without names: it is gone (fsnotify_inoderemove).</summary>
    private void ReportIfOnlyWatched(int references)
    {
        bool onlyWatched = references == Volatile.Read(ref _watchReferences) && Watches is { IsEmpty: false };
        if (onlyWatched && GetAttributes(out InodeAttributes attributes) == Errno.None && attributes.LinkCount == 0)
        {
            Watches!.Deliver(Inotify.IN_DELETE_SELF, 0, null);
            Watches.Deliver(Inotify.IN_IGNORED, 0, null);
        }
    }

    internal FileWatches GetWatches() =>
        Watches ?? Interlocked.CompareExchange(ref _watches, new FileWatches(), null) ?? _watches!;

    internal InodeLocks GetLocks() =>
        Locks ?? Interlocked.CompareExchange(ref _locks, new InodeLocks(this), null) ?? _locks!;
}
