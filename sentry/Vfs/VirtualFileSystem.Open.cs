using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// What open(2) was asked for, already checked: O_* flags, permission bits of a new file, RESOLVE_* as lookup flags.
/// </summary>
public readonly record struct OpenRequest(int Flags, uint Mode, LookupFlags Resolve)
{
    /// <summary>Kinds of access the flags imply.</summary>
    internal MayAccess Access
    {
        get
        {
            MayAccess access = (Flags & Fcntl.O_ACCMODE) switch
            {
                Fcntl.O_RDONLY => MayAccess.Read,
                Fcntl.O_WRONLY => MayAccess.Write,
                _ => MayAccess.Read | MayAccess.Write,
            };
            access |= (Flags & Fcntl.O_TRUNC) != 0 ? MayAccess.Write : MayAccess.None;
            return (Flags & Fcntl.O_APPEND) != 0 ? access | MayAccess.Append : access;
        }
    }
}

/// <summary>open(2) and its kin.</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>
    /// Opens or makes a file by path. The description comes with one reference, for the caller's descriptor. Errors of
    /// open(2).
    /// </summary>
    public Errno Open(
        Task task,
        int directoryFd,
        ReadOnlySpan<char> path,
        in OpenRequest request,
        out FileDescription? file)
    {
        file = null;
        Errno errno = Errno.ESTALE;
        for (int attempt = 0; attempt < 3 && errno == Errno.ESTALE; attempt++)
        {
            bool follow = (request.Flags & Fcntl.O_NOFOLLOW) == 0;
            LookupFlags flags = request.Resolve | (follow ? LookupFlags.Follow : LookupFlags.None);
            flags |= (request.Flags & Fcntl.O_DIRECTORY) != 0 ? LookupFlags.Directory : LookupFlags.None;
            PathWalk walk = new(task, flags);
            errno = walk.Begin(directoryFd, path);
            if (errno == Errno.None)
            {
                errno = OpenFrom(task, ref walk, path, in request, out file);
            }
        }

        return errno;
    }

    /// <summary>Opens a place that is already resolved (exec, magic links, open_by_handle).</summary>
    public Errno OpenPath(Task task, VfsPath path, in OpenRequest request, out FileDescription? file) =>
        OpenExisting(task, path, in request, request.Access, out file);

    /// <summary>
    /// Opens a program for execve(2): a regular file on a mount that allows execution, with execute permission; nobody
    /// may write it meanwhile (ETXTBSY).
    /// <paramref name="flags"/>: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
    /// </summary>
    public Errno OpenForExecute(
        Task task,
        int directoryFd,
        ReadOnlySpan<char> path,
        int flags,
        out FileDescription? file)
    {
        file = null;
        LookupFlags lookup = (flags & Fcntl.AT_SYMLINK_NOFOLLOW) != 0 ? LookupFlags.None : LookupFlags.Follow;
        lookup |= (flags & Fcntl.AT_EMPTY_PATH) != 0 ? LookupFlags.AllowEmpty : LookupFlags.None;
        Errno errno = Lookup(task, directoryFd, path, lookup, out VfsPath place);
        if (errno != Errno.None)
        {
            return errno;
        }

        Inode inode = place.Dentry.Inode!;
        if (inode.FileType == StatMode.S_IFLNK)
        {
            return Errno.ELOOP;
        }

        if (inode.FileType != StatMode.S_IFREG || place.Mount.IsNoExecute)
        {
            return Errno.EACCES;
        }

        errno = Permissions.Check(task, inode, MayAccess.Execute);
        return errno != Errno.None ? errno : OpenProgram(task, place, inode, out file);
    }

    /// <summary>
    /// True when the task may execute the program but not read it: then its memory must not be readable by others
    /// either.
    /// </summary>
    public bool IsUnreadable(Task task, FileDescription program) =>
        Permissions.Check(task, program.Inode, MayAccess.Read) != Errno.None;

    private static Errno OpenProgram(Task task, VfsPath place, Inode inode, out FileDescription? file)
    {
        file = null;
        if (!inode.TryReference())
        {
            return Errno.ESTALE;
        }

        if (!inode.TryDenyWriters())
        {
            inode.DropReference();
            return Errno.ETXTBSY;
        }

        Errno errno = inode.Open(task, place, Fcntl.O_RDONLY | Fcntl.O_LARGEFILE, out file);
        if (errno != Errno.None)
        {
            inode.AllowWriters();
            inode.DropReference();
            return errno;
        }

        file!.Flags = Fcntl.O_RDONLY | Fcntl.O_LARGEFILE;
        file.Bind(place, inode, WriteAccess.Denied);
        FileEvents.Report(place, Inotify.IN_OPEN);
        return Errno.None;
    }

    private Errno OpenFrom(
        Task task,
        ref PathWalk walk,
        ReadOnlySpan<char> path,
        in OpenRequest request,
        out FileDescription? file)
    {
        file = null;
        Errno errno = walk.WalkToParent(path);
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((request.Flags & Fcntl.__O_TMPFILE) != 0)
        {
            errno = walk.TakeLast();
            return errno != Errno.None ? errno : OpenUnnamed(task, walk.Current, in request, out file);
        }

        if ((request.Flags & Fcntl.O_CREAT) != 0)
        {
            return OpenOrCreate(task, ref walk, in request, out file);
        }

        errno = walk.TakeLast();
        return errno != Errno.None ? errno : OpenExisting(task, walk.Current, in request, request.Access, out file);
    }

    private Errno OpenOrCreate(Task task, ref PathWalk walk, in OpenRequest request, out FileDescription? file)
    {
        file = null;
        bool exclusive = (request.Flags & Fcntl.O_EXCL) != 0;
        while (walk.LastKind == LastKind.Normal)
        {
            if (walk.EndsInSlash)
            {
                return Errno.EISDIR;
            }

            Errno errno = FindOrCreate(task, ref walk, in request, out VfsPath found, out bool isNew);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (isNew)
            {
                return OpenInode(task, found, in request, out file);
            }

            if (exclusive)
            {
                return Errno.EEXIST;
            }

            if (!found.Dentry.IsSymlink || (request.Flags & Fcntl.O_NOFOLLOW) != 0)
            {
                errno = MayOpenSticky(task, walk.Current, found);
                return errno != Errno.None ? errno : OpenExisting(task, found, in request, request.Access, out file);
            }

            errno = walk.FollowLast(found);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        if (exclusive)
        {
            return Errno.EEXIST;
        }

        Errno last = walk.TakeLast();
        return last != Errno.None ? last : OpenExisting(task, walk.Current, in request, request.Access, out file);
    }

    /// <summary>Finds the last component or makes it as a regular file, under the directory's lock.</summary>
    private Errno FindOrCreate(Task task, ref PathWalk walk, in OpenRequest request, out VfsPath found, out bool isNew)
    {
        isNew = false;
        found = default;
        Errno errno = LookupChild(task, walk.Current.Dentry, walk.Last, out Dentry? child);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (child!.Inode is not null)
        {
            return walk.CrossMounts(new VfsPath(walk.Current.Mount, child), out found);
        }

        Dentry directory = walk.Current.Dentry;
        string name = walk.Last.ToString();
        using (directory.Inode!.DirectoryLock.Enter())
        {
            errno = LookupChildLocked(task, directory, name, out child);
            if (errno == Errno.None && child!.Inode is null)
            {
                errno = CreateLocked(task, walk.Current, child, StatMode.S_IFREG | request.Mode);
                isNew = errno == Errno.None;
            }
        }

        if (errno == Errno.EEXIST && (request.Flags & Fcntl.O_EXCL) == 0)
        {
            return Errno.ESTALE;
        }

        return errno != Errno.None ? errno : walk.CrossMounts(new VfsPath(walk.Current.Mount, child!), out found);
    }

    private Errno CreateLocked(Task task, VfsPath directory, Dentry child, uint mode)
    {
        Errno errno = directory.Mount.WantWrite();
        if (errno == Errno.None)
        {
            errno = Permissions.MayCreate(task, directory.Dentry);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        Inode parent = directory.Dentry.Inode!;
        errno = NewFileContext(task, parent, mode, out CreateContext context);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = parent.Create(in context, child.Name, out Inode? inode);
        return FinishCreateLocked(directory.Dentry, child, inode, errno);
    }

    /// <summary>Enters a new file into the cache and tells the watchers.</summary>
    private Errno FinishCreateLocked(Dentry directory, Dentry child, Inode? inode, Errno errno)
    {
        if (errno == Errno.EEXIST)
        {
            ForgetChildLocked(directory, child);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        errno = InstantiateLocked(directory, child, inode!);
        FileEvents.ReportName(directory.Inode!, child.Name, inode, Inotify.IN_CREATE);
        return errno;
    }

    /// <summary>
    /// Mode and owner of a new file in a directory; the umask does not apply where a default access list does, nor to
    /// symbolic links.
    /// </summary>
    private static Errno NewFileContext(Task task, Inode directory, uint mode, out CreateContext context)
    {
        context = default;
        Errno errno = directory.GetOwner(out InodeOwner owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (directory.DefaultAccessList is null && (mode & StatMode.S_IFMT) != StatMode.S_IFLNK)
        {
            mode &= ~task.FsContext.Umask;
        }

        context = Permissions.ForNewFile(task, mode, in owner);
        return Errno.None;
    }

    /// <summary>Opens an inode that has no place in any tree, shown under a name (memfd).</summary>
    public Errno OpenUnnamed(Task task, Inode inode, string name, int flags, out FileDescription? file)
    {
        Dentry dentry = MakeUnnamedDentry(inode.SuperBlock, parent: null, name, inode);
        VfsPath place = new(inode.SuperBlock.InternalMount, dentry);
        return OpenInode(task, place, new OpenRequest(flags, 0, LookupFlags.None), out file);
    }

    private Errno OpenUnnamed(Task task, VfsPath directory, in OpenRequest request, out FileDescription? file)
    {
        file = null;
        Inode parent = directory.Dentry.Inode!;
        if (!directory.Dentry.IsDirectory)
        {
            return Errno.ENOTDIR;
        }

        Errno errno = directory.Mount.WantWrite();
        errno = errno != Errno.None ? errno : Permissions.Check(task, parent, MayAccess.Write | MayAccess.Execute);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = NewFileContext(task, parent, StatMode.S_IFREG | request.Mode, out CreateContext context);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = parent.MakeUnnamed(in context, out Inode? inode);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = inode!.GetAttributes(out InodeAttributes attributes);
        Dentry dentry = MakeUnnamedDentry(inode.SuperBlock, directory.Dentry, "#" + attributes.Inode, inode);
        inode.IsLinkableUnnamed = (request.Flags & Fcntl.O_EXCL) == 0;
        return errno != Errno.None
            ? errno
            : OpenInode(task, new VfsPath(directory.Mount, dentry), in request, out file);
    }

    private Errno OpenExisting(
        Task task,
        VfsPath path,
        in OpenRequest request,
        MayAccess access,
        out FileDescription? file)
    {
        file = null;
        if ((request.Flags & Fcntl.O_PATH) != 0)
        {
            return OpenPathOnly(path, in request, out file);
        }

        OpenRequest effective = request;
        Errno errno = MayOpen(task, path, ref effective, access);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool truncates = (effective.Flags & Fcntl.O_TRUNC) != 0;
        errno = OpenInode(task, path, in effective, out file);
        if (errno == Errno.None && truncates)
        {
            errno = Truncate(task, path, 0);
            if (errno != Errno.None)
            {
                file!.DropReference(task);
                file = null;
            }
        }

        return errno;
    }

    private static Errno OpenPathOnly(VfsPath path, in OpenRequest request, out FileDescription? file)
    {
        Inode inode = path.Dentry.Inode!;
        file = null;
        if (!inode.TryReference())
        {
            return Errno.ESTALE;
        }

        file = new PathDescription(path, inode, request.Flags & (Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW));
        file.Bind(path, inode, WriteAccess.None);
        return Errno.None;
    }

    /// <summary>Checks of may_open and do_open; O_TRUNC is dropped where it means nothing.</summary>
    private static Errno MayOpen(Task task, VfsPath path, ref OpenRequest request, MayAccess access)
    {
        Inode inode = path.Dentry.Inode!;
        switch (inode.FileType)
        {
            case StatMode.S_IFLNK:
                return Errno.ELOOP;
            case StatMode.S_IFDIR when (access & MayAccess.Write) != 0 || (request.Flags & Fcntl.O_CREAT) != 0:
                return Errno.EISDIR;
            case StatMode.S_IFCHR or StatMode.S_IFBLK when path.Mount.IsNoDevices:
                return Errno.EACCES;
            case StatMode.S_IFREG when (access & MayAccess.Write) != 0 && path.Mount.IsReadOnly:
                return Errno.EROFS;
        }

        if ((request.Flags & Fcntl.O_DIRECTORY) != 0 && inode.FileType != StatMode.S_IFDIR)
        {
            return Errno.ENOTDIR;
        }

        if (inode.FileType != StatMode.S_IFREG)
        {
            request = request with { Flags = request.Flags & ~Fcntl.O_TRUNC };
        }

        Errno errno = Permissions.Check(task, inode, access);
        bool rewrites = (access & MayAccess.Write) != 0
            && (request.Flags & (Fcntl.O_APPEND | Fcntl.O_TRUNC)) != Fcntl.O_APPEND;
        if (errno == Errno.None && rewrites && inode.IsAppendOnly)
        {
            return Errno.EPERM;
        }

        if (errno != Errno.None || (request.Flags & Fcntl.O_NOATIME) == 0)
        {
            return errno;
        }

        errno = inode.GetOwner(out InodeOwner owner);
        return errno == Errno.None && !Permissions.IsOwnerOrCapable(task.Credentials, in owner) ? Errno.EPERM : errno;
    }

    /// <summary>
    /// fs.protected_fifos and fs.protected_regular (may_create_in_sticky): O_CREAT must not open somebody else's file
    /// in a sticky directory. What is neither a FIFO nor a regular file has no setting and is always protected where
    /// anybody may write; a directory fails otherwise.
    /// </summary>
    private Errno MayOpenSticky(Task task, VfsPath directory, VfsPath file)
    {
        Inode inode = file.Dentry.Inode!;
        int rule = inode.FileType switch
        {
            StatMode.S_IFIFO => ProtectedFifos,
            StatMode.S_IFREG => ProtectedRegular,
            StatMode.S_IFDIR => 0,
            _ => 1,
        };
        if (rule == 0)
        {
            return Errno.None;
        }

        Errno errno = directory.Dentry.Inode!.GetOwner(out InodeOwner above);
        if (errno != Errno.None || (above.Mode & StatMode.S_ISVTX) == 0)
        {
            return errno;
        }

        errno = inode.GetOwner(out InodeOwner owner);
        if (errno != Errno.None || owner.Uid == above.Uid || owner.Uid == task.Credentials.FsUid)
        {
            return errno;
        }

        bool open = (above.Mode & StatMode.S_IWOTH) != 0 || (rule > 1 && (above.Mode & StatMode.S_IWGRP) != 0);
        return open ? Errno.EACCES : Errno.None;
    }

    /// <summary>Calls the inode and ties the description to its place.</summary>
    private static Errno OpenInode(Task task, VfsPath path, in OpenRequest request, out FileDescription? file)
    {
        file = null;
        Inode inode = path.Dentry.Inode!;
        if (!inode.TryReference())
        {
            return Errno.ESTALE;
        }

        bool stored = inode.FileType == StatMode.S_IFREG;
        bool writes = stored && (request.Flags & Fcntl.O_ACCMODE) is Fcntl.O_WRONLY or Fcntl.O_RDWR;
        if (writes && !inode.TryAddWriter())
        {
            inode.DropReference();
            return Errno.ETXTBSY;
        }

        const int CreationFlags = Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_NOCTTY | Fcntl.O_TRUNC | Fcntl.O_CLOEXEC;
        Errno errno = inode.Open(task, path, request.Flags, out file);
        if (errno != Errno.None)
        {
            if (writes)
            {
                inode.DropWriter();
            }

            inode.DropReference();
            return errno;
        }

        file!.Flags = request.Flags & ~CreationFlags;
        file.Bind(path, inode, writes ? WriteAccess.Counted : WriteAccess.None);
        FileEvents.Report(path, Inotify.IN_OPEN);
        return Errno.None;
    }
}
