using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// One resolution of a path (path_resolution(7)). Components are spans over the caller's path or over a link's target;
/// a walk that hits the dentry cache
/// takes no lock and allocates nothing. After <see cref="WalkToParent"/> <see cref="Current"/> is the directory and
/// <see cref="Last"/> the component left.
/// </summary>
internal ref partial struct PathWalk
{
    private const int MaxLinks = 40;

    private readonly Task _task;
    private readonly VirtualFileSystem _vfs;
    private readonly LookupFlags _flags;
    private VfsPath _root;
    private uint _renameSequence;
    private uint _mountSequence;
    private int _links;

    internal PathWalk(Task task, LookupFlags flags)
    {
        _task = task;
        _vfs = task.Kernel.Vfs;
        _flags = flags;
        Credentials = task.Credentials;
    }

    /// <summary>Whose rights count; access(2) looks with the real ids.</summary>
    internal Credentials Credentials { get; init; }

    /// <summary>Where the walk stands.</summary>
    internal VfsPath Current;

    /// <summary>Last component, not yet taken.</summary>
    internal ReadOnlySpan<char> Last;

    /// <summary>What <see cref="Last"/> is.</summary>
    internal LastKind LastKind;

    /// <summary>The path ended in slashes: what it names must be a directory.</summary>
    internal bool EndsInSlash;

    /// <summary>
    /// Sets the start: the working directory, the descriptor's place, or the root. EBADF, ENOENT (empty path), ENOTDIR.
    /// </summary>
    internal Errno Begin(int directoryFd, ReadOnlySpan<char> path)
    {
        bool scoped = (_flags & LookupFlags.Scoped) != 0;
        if (path.IsEmpty && (_flags & LookupFlags.AllowEmpty) == 0)
        {
            return Errno.ENOENT;
        }

        FsContext context = _task.FsContext;
        _root = context.Root;
        _renameSequence = _vfs.RenameSequence;
        _mountSequence = _vfs.MountSequence;
        bool absolute = !path.IsEmpty && path[0] == '/';
        if (absolute && (_flags & LookupFlags.Beneath) != 0)
        {
            return Errno.EXDEV;
        }

        if (absolute && !scoped)
        {
            Current = _root;
            return Errno.None;
        }

        Errno errno = FindStart(directoryFd, isPathEmpty: path.IsEmpty ? 1 : 0, out Current);
        if (scoped)
        {
            _root = Current;
        }

        return errno;
    }

    /// <summary>
    /// Starts at a given place instead (a script's interpreter, an overlay's layer); "/" is the caller's root.
    /// </summary>
    internal void BeginAt(VfsPath start, VfsPath root)
    {
        _root = root;
        _renameSequence = _vfs.RenameSequence;
        _mountSequence = _vfs.MountSequence;
        Current = start;
    }

    /// <summary>Resolves the whole path. ENOENT for a negative entry.</summary>
    internal Errno Walk(ReadOnlySpan<char> path)
    {
        Errno errno = WalkToParent(path);
        return errno != Errno.None ? errno : TakeLast();
    }

    /// <summary>Resolves all but the last component.</summary>
    internal Errno WalkToParent(ReadOnlySpan<char> path)
    {
        Last = default;
        LastKind = LastKind.None;
        EndsInSlash = false;
        if (path.IsEmpty)
        {
            return Errno.None;
        }

        if (path[0] == '/')
        {
            Errno jump = JumpToRoot();
            path = path.TrimStart('/');
            if (jump != Errno.None || path.IsEmpty)
            {
                return jump;
            }
        }

        while (true)
        {
            Errno errno = MaySearch();
            if (errno != Errno.None)
            {
                return errno;
            }

            int slash = path.IndexOf('/');
            ReadOnlySpan<char> name = slash < 0 ? path : path[..slash];
            ReadOnlySpan<char> rest = slash < 0 ? default : path[slash..].TrimStart('/');
            if (rest.IsEmpty)
            {
                Last = name;
                LastKind = Classify(name);
                EndsInSlash = slash >= 0;
                return Errno.None;
            }

            errno = StepThrough(name);
            if (errno != Errno.None)
            {
                return errno;
            }

            path = rest;
        }
    }

    /// <summary>Resolves the last component, following a link there if asked to or if a slash comes after it.</summary>
    internal Errno TakeLast()
    {
        bool mustBeDirectory = EndsInSlash || (_flags & LookupFlags.Directory) != 0;
        LinkUse use = EndsInSlash || (_flags & LookupFlags.Follow) != 0 ? LinkUse.Follow : LinkUse.Keep;
        while (true)
        {
            Errno errno = StepLast(use, out bool isLink);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (!isLink)
            {
                return mustBeDirectory && !Current.Dentry.IsDirectory ? Errno.ENOTDIR : Errno.None;
            }

            mustBeDirectory |= EndsInSlash;
        }
    }

    /// <summary>
    /// Takes one step for <see cref="Last"/>. When it is a link to follow, the walk goes on to the parent of what the
    /// link names and
    /// <paramref name="isLink"/> says that there is a new last component.
    /// </summary>
    private Errno StepLast(LinkUse use, out bool isLink)
    {
        isLink = false;
        switch (LastKind)
        {
            case LastKind.None or LastKind.Dot:
                return Errno.None;
            case LastKind.DotDot:
                return StepUp();
        }

        Errno errno = Lookup(Last, out VfsPath next);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (next.Dentry.Inode is null)
        {
            return Errno.ENOENT;
        }

        if (use == LinkUse.Keep || !next.Dentry.IsSymlink)
        {
            Current = next;
            return Errno.None;
        }

        isLink = true;
        return FollowLast(next, use);
    }

    /// <summary>One component in the middle: links are always followed, the result must be a directory.</summary>
    private Errno StepThrough(ReadOnlySpan<char> name)
    {
        switch (Classify(name))
        {
            case LastKind.Dot:
                return Errno.None;
            case LastKind.DotDot:
                return StepUp();
        }

        Errno errno = Lookup(name, out VfsPath next);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (next.Dentry.IsSymlink)
        {
            errno = FollowThrough(next);
            return errno == Errno.None && !Current.Dentry.IsDirectory ? Errno.ENOTDIR : errno;
        }

        if (next.Dentry.Inode is not { } inode)
        {
            return Errno.ENOENT;
        }

        Current = next;
        return inode.FileType == StatMode.S_IFDIR ? Errno.None : Errno.ENOTDIR;
    }

    /// <summary>Looks a name up in the current directory and steps onto what is mounted there.</summary>
    internal Errno Lookup(ReadOnlySpan<char> name, out VfsPath next)
    {
        Errno errno = _vfs.LookupChild(_task, Current.Dentry, name, out Dentry? child);
        if (errno != Errno.None)
        {
            next = default;
            return errno;
        }

        return CrossMounts(new VfsPath(Current.Mount, child!), out next);
    }

    /// <summary>Goes down to what is mounted on a place, however often.</summary>
    internal Errno CrossMounts(VfsPath at, out VfsPath next)
    {
        next = at;
        while (next.Dentry.IsMountpoint && next.Mount.FindChild(next.Dentry) is { } mount)
        {
            if ((_flags & LookupFlags.NoCrossDevice) != 0)
            {
                return Errno.EXDEV;
            }

            next = mount.RootPath;
        }

        return Errno.None;
    }

    private static LastKind Classify(ReadOnlySpan<char> name)
    {
        if (name[0] != '.' || name.Length > 2)
        {
            return LastKind.Normal;
        }

        if (name.Length == 1)
        {
            return LastKind.Dot;
        }

        return name[1] == '.' ? LastKind.DotDot : LastKind.Normal;
    }

    private readonly Errno MaySearch()
    {
        if (!Current.Dentry.IsDirectory)
        {
            return Errno.ENOTDIR;
        }

        return (_flags & LookupFlags.NoPermissionChecks) != 0
            ? Errno.None
            : Permissions.Check(_task, Credentials, Current.Dentry.Inode!, MayAccess.Execute);
    }

    private readonly Errno FindStart(int directoryFd, int isPathEmpty, out VfsPath start)
    {
        if (directoryFd == Fcntl.AT_FDCWD)
        {
            start = _task.FsContext.WorkingDirectory;
            return Errno.None;
        }

        using FdReference reference = _task.FdTable.Borrow(directoryFd);
        if (reference.File is not { } file)
        {
            start = default;
            return Errno.EBADF;
        }

        start = file.GetPath();
        return isPathEmpty != 0 || start.Dentry.IsDirectory ? Errno.None : Errno.ENOTDIR;
    }
}
