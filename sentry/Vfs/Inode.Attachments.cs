using System.Threading;

namespace Sentry.Vfs;

/// <summary>What hangs on an inode only when used: watches, file locks, access lists.</summary>
public abstract partial class Inode
{
    private FileWatches? _watches;
    private InodeLocks? _locks;

    /// <summary>Watches, null when there never was one.</summary>
    public FileWatches? Watches => Volatile.Read(ref _watches);

    /// <summary>Record and whole-file locks, null when there never was one.</summary>
    internal InodeLocks? Locks => Volatile.Read(ref _locks);

    /// <summary>An O_TMPFILE file that linkat(2) may give a name although its link count is 0.</summary>
    internal bool IsLinkableUnnamed { get; set; }

    /// <summary>POSIX access list, null when mode bits say it all.</summary>
    public virtual AccessControlList? AccessList => null;

    /// <summary>List that new files in this directory start from.</summary>
    public virtual AccessControlList? DefaultAccessList => null;

    internal FileWatches GetWatches() =>
        Watches ?? Interlocked.CompareExchange(ref _watches, new FileWatches(), null) ?? _watches!;

    internal InodeLocks GetLocks() =>
        Locks ?? Interlocked.CompareExchange(ref _locks, new InodeLocks(), null) ?? _locks!;
}
