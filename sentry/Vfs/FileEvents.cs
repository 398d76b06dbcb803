using System;
using System.Threading;
using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>One interest in one inode (an inotify watch).</summary>
public interface IFileWatch
{
    /// <summary>IN_* bits wanted.</summary>
    uint Mask { get; }

    /// <summary>IN_EXCL_UNLINK: events of children that have no name any more are not wanted.</summary>
    bool IgnoresUnlinked { get; }

    /// <summary>
    /// Reports an event; <paramref name="name"/> is the child's name when the watched object is its directory. Takes
    /// leaf locks only.
    /// </summary>
    void OnEvent(uint mask, uint cookie, string? name);
}

/// <summary>
/// Reports what happens to files to those who watch them (fs/notify). Costs one load while nobody watches anything.
/// </summary>
public static class FileEvents
{
    /// <summary>A name became another one of the same directory; inotify has no such event, F_NOTIFY has.</summary>
    internal const uint RenamedInside = 0x1000_0000;

    // What a watch may ask for.
    internal const uint Deliverable = Inotify.IN_ALL_EVENTS | RenamedInside;

    private static int s_watchCount;
    private static int s_nextCookie;

    /// <summary>True when somebody watches something.</summary>
    public static bool IsActive => Volatile.Read(ref s_watchCount) != 0;

    /// <summary>A number that ties the two halves of a rename together.</summary>
    internal static uint NextCookie() => (uint)Interlocked.Increment(ref s_nextCookie);

    internal static void CountWatch(int step) => Interlocked.Add(ref s_watchCount, step);

    /// <summary>An event about a file: to its own watchers, and to its directory's with its name.</summary>
    public static void Report(VfsPath path, uint mask)
    {
        if (IsActive && !path.IsNone && path.Dentry.Inode is { } inode)
        {
            ReportSlow(path.Dentry, inode, mask);
        }
    }

    /// <summary>As <see cref="Report(VfsPath,uint)"/> where only the dentry is known.</summary>
    internal static void Report(Dentry dentry, uint mask)
    {
        if (IsActive && dentry.Inode is { } inode)
        {
            ReportSlow(dentry, inode, mask);
        }
    }

    /// <summary>A name appeared in or vanished from a directory: to the directory's watchers.</summary>
    internal static void ReportName(Inode directory, string name, Inode? child, uint mask, uint cookie = 0)
    {
        if (IsActive)
        {
            uint bits = child?.FileType == StatMode.S_IFDIR ? mask | Inotify.IN_ISDIR : mask;
            directory.Watches?.Deliver(bits, cookie, name);
        }
    }

    /// <summary>
    /// An event about the inode itself, without a name (IN_DELETE_SELF, IN_MOVE_SELF, IN_ATTRIB of a link count).
    /// </summary>
    internal static void ReportSelf(Inode inode, uint mask)
    {
        if (IsActive)
        {
            inode.Watches?.Deliver(mask, 0, null);
        }
    }

    private static void ReportSlow(Dentry dentry, Inode inode, uint mask)
    {
        uint bits = inode.FileType == StatMode.S_IFDIR ? mask | Inotify.IN_ISDIR : mask;
        if (dentry.Parent?.Inode is { Watches: { } above })
        {
            above.DeliverFromChild(dentry, bits);
        }

        inode.Watches?.Deliver(bits, 0, null);
    }
}

/// <summary>The watches of one inode; an immutable array, so that events are delivered without a lock.</summary>
public sealed class FileWatches
{
    private IFileWatch[] _watches = [];

    /// <summary>True when nobody watches.</summary>
    public bool IsEmpty => Volatile.Read(ref _watches).Length == 0;

    /// <summary>Adds a watch.</summary>
    public void Add(IFileWatch watch)
    {
        FileEvents.CountWatch(1);
        while (true)
        {
            IFileWatch[] old = Volatile.Read(ref _watches);
            if (Interlocked.CompareExchange(ref _watches, [.. old, watch], old) == old)
            {
                return;
            }
        }
    }

    /// <summary>Removes a watch if it is there.</summary>
    public void Remove(IFileWatch watch)
    {
        while (true)
        {
            IFileWatch[] old = Volatile.Read(ref _watches);
            if (Array.IndexOf(old, watch) < 0)
            {
                return;
            }

            IFileWatch[] shrunk = Array.FindAll(old, other => other != watch);
            if (Interlocked.CompareExchange(ref _watches, shrunk, old) == old)
            {
                FileEvents.CountWatch(-1);
                return;
            }
        }
    }

    /// <summary>
    /// An event about a child, with its name; those who asked not to hear of unlinked children do not.
    /// </summary>
    internal void DeliverFromChild(Dentry child, uint mask)
    {
        bool unlinked = child.IsUnlinked;
        foreach (IFileWatch watch in Volatile.Read(ref _watches))
        {
            if ((watch.Mask & mask & FileEvents.Deliverable) != 0 && !(unlinked && watch.IgnoresUnlinked))
            {
                watch.OnEvent(mask, 0, child.Name);
            }
        }
    }

    internal void Deliver(uint mask, uint cookie, string? name)
    {
        foreach (IFileWatch watch in Volatile.Read(ref _watches))
        {
            if ((watch.Mask & mask & FileEvents.Deliverable) != 0 || (mask & Inotify.IN_IGNORED) != 0)
            {
                watch.OnEvent(mask, cookie, name);
            }
        }
    }
}
