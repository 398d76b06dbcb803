using System;
using System.Diagnostics;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>Children of directories through the dentry cache.</summary>
public sealed partial class VirtualFileSystem
{
    private const int NameMax = Limits.NAME_MAX;

    /// <summary>
    /// The child of a directory, possibly negative (ENOENT is not an error here). A hit takes no lock and allocates
    /// nothing. The caller has checked that
    /// <paramref name="directory"/> is one and may be searched.
    /// </summary>
    internal Errno LookupChild(Task task, Dentry directory, ReadOnlySpan<char> name, out Dentry? child)
    {
        child = null;
        if (name.Length > NameMax)
        {
            return Errno.ENAMETOOLONG;
        }

        Dentry? found = directory.FindChild(name, Dentry.HashName(name));
        if (found is not null)
        {
            if (IsCacheTrusted(directory) || found.IsMountpoint)
            {
                found.MarkReferenced();
                child = found;
                return Errno.None;
            }

            if (IsStillTrue(task, directory, found))
            {
                child = found;
                return Errno.None;
            }
        }

        Errno errno;
        using (directory.Inode!.DirectoryLock.Enter())
        {
            errno = LookupChildLocked(task, directory, name.ToString(), out child);
        }

        TrimCache();
        return errno;
    }

    /// <summary>
    /// As <see cref="LookupChild"/> under the directory's lock, where the answer stays true. A positive entry is in the
    /// table (if the policy caches).
    /// </summary>
    internal Errno LookupChildLocked(Task task, Dentry directory, string name, out Dentry? child)
    {
        child = null;
        if (name.Length > NameMax)
        {
            return Errno.ENAMETOOLONG;
        }

        Inode inode = directory.Inode!;
        inode.DirectoryLock.AssertHeld();
        Dentry? cached = directory.FindChild(name, Dentry.HashName(name));
        if (cached is not null && (cached.IsMountpoint || IsCacheTrusted(directory)
            || IsStillTrue(task, directory, cached)))
        {
            child = cached;
            return Errno.None;
        }

        if (directory.IsUnlinked)
        {
            return Errno.ENOENT;
        }

        Errno errno = inode.Lookup(task, name, out Inode? found);
        if (errno == Errno.ENOENT)
        {
            found = null;
        }
        else if (errno != Errno.None)
        {
            return errno;
        }

        return TakeLookupResultLocked(directory, name, cached, found, out child);
    }

    private Errno TakeLookupResultLocked(Dentry directory, string name, Dentry? cached, Inode? found, out Dentry? child)
    {
        if (cached is not null)
        {
            if (cached.Inode == found && found is not null)
            {
                child = cached;
                return Errno.None;
            }

            ForgetChildLocked(directory, cached);
        }

        child = new Dentry(directory.SuperBlock, directory, name, found);
        if (directory.SuperBlock.DentryPolicy == DentryPolicy.NeverCache)
        {
            return Errno.None;
        }

        if (!directory.InsertChildLocked(child))
        {
            child = null;
            return Errno.ESTALE;
        }

        CountCached(child);
        return Errno.None;
    }

    private static bool IsCacheTrusted(Dentry directory) =>
        directory.SuperBlock.DentryPolicy == DentryPolicy.Cache && !directory.Inode!.IsChangedFromAbove;

    /// <summary>Asks a file system that changes behind our back whether an entry still holds.</summary>
    private static bool IsStillTrue(Task task, Dentry directory, Dentry child)
    {
        if (directory.SuperBlock.DentryPolicy == DentryPolicy.NeverCache)
        {
            return false;
        }

        child.MarkReferenced();
        return directory.Inode!.Revalidate(task, child.Name, child.Inode) == Errno.None;
    }

    /// <summary>Drops a cache entry that no longer says the truth; the file, if open, lives on.</summary>
    private void ForgetChildLocked(Dentry directory, Dentry child)
    {
        Inode? inode = child.Inode;
        directory.KillChildLocked(child);
        CountUncached(child);
        inode?.DropReference();
    }

    /// <summary>
    /// Makes an entry positive after its file was made. Caller: directory lock; <paramref name="child"/> is the
    /// negative entry that
    /// <see cref="LookupChildLocked"/> gave.
    /// </summary>
    internal Errno InstantiateLocked(Dentry directory, Dentry child, Inode inode)
    {
        Debug.Assert(child.Inode is null, "only negative entries are instantiated");
        if (!child.IsHashed)
        {
            child.SetInode(inode);
            return Errno.None;
        }

        if (!inode.TryReference())
        {
            return Errno.ESTALE;
        }

        child.SetInode(inode);
        if (child.SuperBlock.KeepsDentries)
        {
            CountUncached(child);
        }

        return Errno.None;
    }

    /// <summary>
    /// After the name was removed from its file system: the entry dies, a negative one takes its place. The reference
    /// that the cache held is dropped.
    /// Caller: directory lock.
    /// </summary>
    internal void DeleteEntryLocked(Dentry directory, Dentry child)
    {
        Inode? inode = child.Inode;
        bool wasHashed = child.IsHashed;
        string name = child.Name;
        directory.KillChildLocked(child);
        if (!wasHashed)
        {
            return;
        }

        CountUncached(child);
        if (directory.SuperBlock.DentryPolicy == DentryPolicy.Cache)
        {
            Dentry negative = new(directory.SuperBlock, directory, name, inode: null);
            directory.InsertChildLocked(negative);
            CountCached(negative);
        }

        inode?.DropReference();
    }

    /// <summary>A dentry without a name for an inode without one (O_TMPFILE, memfd, anonymous files).</summary>
    internal static Dentry MakeUnnamedDentry(SuperBlock superBlock, Dentry? parent, string name, Inode inode)
    {
        Dentry dentry = new(superBlock, parent, name, inode);
        dentry.MarkUnlinked();
        return dentry;
    }

    /// <summary>
    /// Keeps an entry of a never-caching file system findable because something is about to be mounted on it or below
    /// it.
    /// </summary>
    internal Errno KeepForMount(Dentry dentry)
    {
        for (Dentry at = dentry; at.Parent is { } parent; at = parent)
        {
            if (at.IsUnlinked)
            {
                return Errno.ENOENT;
            }

            using (parent.Inode!.DirectoryLock.Enter())
            {
                if (!at.IsHashed && !parent.InsertChildLocked(at))
                {
                    return Errno.ENOENT;
                }
            }
        }

        return Errno.None;
    }
}
