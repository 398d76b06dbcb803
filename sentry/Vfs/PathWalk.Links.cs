using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Symbolic links, magic links, "..", and the borders of a walk.</summary>
internal ref partial struct PathWalk
{
    private Errno JumpToRoot()
    {
        if ((_flags & LookupFlags.Beneath) != 0)
        {
            return Errno.EXDEV;
        }

        if ((_flags & LookupFlags.NoCrossDevice) != 0 && Current.Mount != _root.Mount)
        {
            return Errno.EXDEV;
        }

        Current = _root;
        return Errno.None;
    }

    /// <summary>
    /// "..": stops at the walk's root, leaves a mount at its root, and steps onto what covers the parent.
    /// </summary>
    private Errno StepUp()
    {
        VfsPath at = Current;
        while (true)
        {
            if (at == _root)
            {
                if ((_flags & LookupFlags.Beneath) != 0)
                {
                    return Errno.EXDEV;
                }

                break;
            }

            if (at.Dentry != at.Mount.Root)
            {
                Errno errno = ParentInMount(at, out at);
                if (errno != Errno.None)
                {
                    return errno;
                }

                break;
            }

            VfsPath mountpoint = at.Mount.Mountpoint;
            if (mountpoint.IsNone)
            {
                break;
            }

            if ((_flags & LookupFlags.NoCrossDevice) != 0)
            {
                return Errno.EXDEV;
            }

            at = mountpoint;
        }

        return StayInScope() is var scope && scope != Errno.None ? scope : CrossMounts(at, out Current);
    }

    /// <summary>
    /// The parent directory within a mount. ENOENT when a rename moved the directory out of the part of the file system
    /// that the mount shows: going up
    /// would then leave a bind mount.
    /// </summary>
    private static Errno ParentInMount(VfsPath at, out VfsPath parent)
    {
        parent = at;
        if (at.Dentry.Parent is not { } directory)
        {
            return Errno.None;
        }

        Dentry mountRoot = at.Mount.Root;
        if (mountRoot.Parent is not null && !directory.IsBelowOrSame(mountRoot))
        {
            return Errno.ENOENT;
        }

        parent = at with { Dentry = directory };
        return Errno.None;
    }

    /// <summary>
    /// RESOLVE_BENEATH and RESOLVE_IN_ROOT: a rename or mount during the walk makes ".." untrustworthy (EAGAIN).
    /// </summary>
    private readonly Errno StayInScope()
    {
        bool moved = _vfs.RenameSequence != _renameSequence || _vfs.MountSequence != _mountSequence;
        return (_flags & LookupFlags.Scoped) != 0 && moved ? Errno.EAGAIN : Errno.None;
    }

    /// <summary>A link in the middle of a path: resolves it wholly, from the directory the walk stands in.</summary>
    private Errno FollowThrough(VfsPath link)
    {
        Errno errno = FollowLast(link, LinkUse.FollowInside);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isLink = true;
        while (isLink)
        {
            errno = StepLast(LinkUse.FollowInside, out isLink);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return Errno.None;
    }

    /// <summary>
    /// A link as the last component: the walk goes on to the parent of what it names. The checks in Linux's order
    /// (fs/namei.c, pick_link): the number of links, fs.protected_symlinks, what the caller and the mount forbid.
    /// </summary>
    internal Errno FollowLast(VfsPath link, LinkUse use = LinkUse.Follow)
    {
        if (++_links > MaxLinks)
        {
            return Errno.ELOOP;
        }

        Errno errno = use == LinkUse.Follow ? MayFollow(link) : Errno.None;
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = ReadLink(link, out string? target);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (target is null)
        {
            LastKind = LastKind.None;
            Last = default;
            EndsInSlash = false;
            return Errno.None;
        }

        return WalkToParent(target);
    }

    /// <summary>Reads a link; a magic link moves the walk itself and gives no target.</summary>
    private Errno ReadLink(VfsPath link, out string? target)
    {
        target = null;
        Inode inode = link.Dentry.Inode!;
        if ((_flags & LookupFlags.NoSymlinks) != 0 || (link.Mount.Flags & MountFlags.MS_NOSYMFOLLOW) != 0)
        {
            return Errno.ELOOP;
        }

        inode.TouchAccessTime(link.Mount.AccessTimePolicyFor(inode));
        Errno errno = inode.FollowMagicLink(_task, out VfsPath magic);
        if (errno == Errno.None)
        {
            return Jump(magic);
        }

        if (errno != Errno.EINVAL)
        {
            return errno;
        }

        errno = inode.ReadLink(_task, out string text);
        if (errno != Errno.None)
        {
            return errno;
        }

        target = text;
        return text.Length == 0 ? Errno.ENOENT : Errno.None;
    }

    private Errno Jump(VfsPath target)
    {
        if ((_flags & LookupFlags.NoMagicLinks) != 0)
        {
            return Errno.ELOOP;
        }

        bool leaves = (_flags & LookupFlags.NoCrossDevice) != 0 && target.Mount != Current.Mount;
        if (leaves || (_flags & LookupFlags.Scoped) != 0)
        {
            return Errno.EXDEV;
        }

        Current = target;
        Last = default;
        LastKind = LastKind.None;
        EndsInSlash = false;
        return Errno.None;
    }

    /// <summary>
    /// fs.protected_symlinks (may_follow_link): in a sticky world-writable directory only the link's owner and the
    /// directory's.
    /// </summary>
    private readonly Errno MayFollow(VfsPath link)
    {
        if (!_vfs.ProtectedSymlinks)
        {
            return Errno.None;
        }

        const uint StickyWorldWritable = StatMode.S_ISVTX | StatMode.S_IWOTH;
        Errno errno = Current.Dentry.Inode!.GetOwner(out InodeOwner directory);
        if (errno != Errno.None || (directory.Mode & StickyWorldWritable) != StickyWorldWritable)
        {
            return errno;
        }

        errno = link.Dentry.Inode!.GetOwner(out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool allowed = owner.Uid == Credentials.FsUid || owner.Uid == directory.Uid;
        return allowed ? Errno.None : Errno.EACCES;
    }
}
