using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Names that appear: lookups, mkdir(2), mknod(2), symlink(2), link(2).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>Resolves a path to an existing file. Errors of path_resolution(7).</summary>
    public Errno Lookup(Task task, int directoryFd, ReadOnlySpan<char> path, LookupFlags flags, out VfsPath result) =>
        Lookup(task, task.Credentials, directoryFd, path, flags, out result);

    /// <summary>
    /// As <see cref="Lookup(Task,int,ReadOnlySpan{char},LookupFlags,out VfsPath)"/> with the rights of other
    /// credentials.
    /// </summary>
    public Errno Lookup(
        Task task,
        Credentials credentials,
        int directoryFd,
        ReadOnlySpan<char> path,
        LookupFlags flags,
        out VfsPath result)
    {
        Errno errno = Errno.ESTALE;
        result = default;
        for (int attempt = 0; attempt < 3 && errno == Errno.ESTALE; attempt++)
        {
            PathWalk walk = new(task, flags) { Credentials = credentials };
            errno = walk.Begin(directoryFd, path);
            errno = errno != Errno.None ? errno : walk.Walk(path);
            result = walk.Current;
        }

        return errno;
    }

    /// <summary>Resolves a path from a given place, as exec and boot need it.</summary>
    public Errno LookupAt(
        Task task,
        VfsPath start,
        VfsPath root,
        ReadOnlySpan<char> path,
        LookupFlags flags,
        out VfsPath result)
    {
        result = start;
        if (path.IsEmpty)
        {
            return Errno.ENOENT;
        }

        PathWalk walk = new(task, flags);
        walk.BeginAt(start, root);
        Errno errno = walk.Walk(path);
        result = walk.Current;
        return errno;
    }

    /// <summary>mkdir(2).</summary>
    public Errno MakeDirectory(Task task, int directoryFd, ReadOnlySpan<char> path, uint mode) =>
        MakeEntry(task, directoryFd, path, new NewEntry(StatMode.S_IFDIR | (mode & 0x3FF), 0, null), out _);

    /// <summary>mknod(2), and bind(2) of a Unix socket: makes the node and tells where it is.</summary>
    public Errno MakeNode(
        Task task,
        int directoryFd,
        ReadOnlySpan<char> path,
        uint mode,
        ulong device,
        out VfsPath made)
    {
        made = default;
        uint type = mode & StatMode.S_IFMT;
        bool isDevice = type is StatMode.S_IFCHR or StatMode.S_IFBLK;
        bool isWhiteout = type == StatMode.S_IFCHR && device == 0;
        if (isDevice && !isWhiteout
            && !task.Credentials.IsCapable(Capability.CAP_MKNOD))
        {
            return Errno.EPERM;
        }

        return MakeEntry(task, directoryFd, path, new NewEntry(mode, isDevice ? device : 0, null), out made);
    }

    /// <summary>symlink(2).</summary>
    public Errno MakeSymlink(Task task, string target, int directoryFd, ReadOnlySpan<char> path) =>
        MakeEntry(task, directoryFd, path, new NewEntry(StatMode.S_IFLNK | 0x1FF, 0, target), out _);

    /// <summary>link(2): gives an existing file one more name.</summary>
    public Errno Link(Task task, VfsPath source, int directoryFd, ReadOnlySpan<char> path)
    {
        PathWalk walk = new(task, LookupFlags.None);
        Errno errno = WalkForNewEntry(task, ref walk, directoryFd, path);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (walk.Current.Mount != source.Mount)
        {
            return Errno.EXDEV;
        }

        errno = MayLink(task, source);
        if (errno != Errno.None)
        {
            return errno;
        }

        Dentry directory = walk.Current.Dentry;
        using (directory.Inode!.DirectoryLock.Enter())
        {
            errno = FindFreeName(task, ref walk, isDirectory: false, out Dentry? child);
            return errno != Errno.None ? errno : LinkLocked(task, directory, child!, source.Dentry.Inode!);
        }
    }

    private Errno LinkLocked(Task task, Dentry directory, Dentry child, Inode target)
    {
        if (target.SuperBlock != directory.SuperBlock)
        {
            return Errno.EXDEV;
        }

        if (target.FileType == StatMode.S_IFDIR || target.IsFixed)
        {
            return Errno.EPERM;
        }

        Errno errno = target.GetAttributes(out InodeAttributes attributes);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (attributes.LinkCount == 0 && !target.IsLinkableUnnamed)
        {
            return Errno.ENOENT;
        }

        errno = directory.Inode!.Link(task, child.Name, target);
        if (errno == Errno.None)
        {
            target.IsLinkableUnnamed = false;
            FileEvents.ReportSelf(target, Inotify.IN_ATTRIB);
        }

        return FinishCreateLocked(directory, child, target, errno);
    }

    /// <summary>fs.protected_hardlinks (may_linkat): others' files only if they are safe sources.</summary>
    private Errno MayLink(Task task, VfsPath source)
    {
        Inode inode = source.Dentry.Inode!;
        if (!ProtectedHardlinks)
        {
            return Errno.None;
        }

        Errno errno = inode.GetOwner(out InodeOwner owner);
        if (errno != Errno.None || Permissions.IsOwnerOrCapable(task.Credentials, in owner))
        {
            return errno;
        }

        const uint SetGidExecutable = StatMode.S_ISGID | StatMode.S_IXGRP;
        bool safe = inode.FileType == StatMode.S_IFREG && (owner.Mode & StatMode.S_ISUID) == 0
            && (owner.Mode & SetGidExecutable) != SetGidExecutable
            && Permissions.Check(task, inode, MayAccess.Read | MayAccess.Write) == Errno.None;
        return safe ? Errno.None : Errno.EPERM;
    }

    private Errno MakeEntry(Task task, int directoryFd, ReadOnlySpan<char> path, NewEntry entry, out VfsPath made)
    {
        made = default;
        PathWalk walk = new(task, LookupFlags.None);
        Errno errno = WalkForNewEntry(task, ref walk, directoryFd, path);
        if (errno != Errno.None)
        {
            return errno;
        }

        Dentry directory = walk.Current.Dentry;
        bool isDirectory = (entry.Mode & StatMode.S_IFMT) == StatMode.S_IFDIR;
        using (directory.Inode!.DirectoryLock.Enter())
        {
            errno = FindFreeName(task, ref walk, isDirectory, out Dentry? child);
            if (errno != Errno.None)
            {
                return errno;
            }

            errno = NewFileContext(task, directory.Inode!, entry.Mode, out CreateContext context);
            if (errno != Errno.None)
            {
                return errno;
            }

            errno = Make(directory.Inode!, child!.Name, in context, in entry, out Inode? inode);
            errno = FinishCreateLocked(directory, child, inode, errno);
            made = new VfsPath(walk.Current.Mount, child);
            return errno;
        }
    }

    private static Errno Make(
        Inode directory,
        string name,
        in CreateContext context,
        in NewEntry entry,
        out Inode? inode) =>
        (entry.Mode & StatMode.S_IFMT) switch
        {
            StatMode.S_IFDIR => directory.MakeDirectory(in context, name, out inode),
            StatMode.S_IFLNK => directory.MakeSymlink(in context, name, entry.Target!, out inode),
            StatMode.S_IFREG => directory.Create(in context, name, out inode),
            _ => directory.MakeNode(in context, name, entry.Device, out inode),
        };

    private static Errno WalkForNewEntry(Task task, ref PathWalk walk, int directoryFd, ReadOnlySpan<char> path)
    {
        Errno errno = walk.Begin(directoryFd, path);
        errno = errno != Errno.None ? errno : walk.WalkToParent(path);
        if (errno != Errno.None)
        {
            return errno;
        }

        return walk.LastKind == LastKind.Normal ? Errno.None : Errno.EEXIST;
    }

    /// <summary>
    /// The negative entry for the walk's last component. EEXIST, ENOENT (a slash after what is no directory), EROFS,
    /// EACCES.
    /// </summary>
    private Errno FindFreeName(Task task, ref PathWalk walk, bool isDirectory, out Dentry? child)
    {
        Dentry directory = walk.Current.Dentry;
        Errno errno = LookupChildLocked(task, directory, walk.Last.ToString(), out child);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (child!.Inode is not null)
        {
            return Errno.EEXIST;
        }

        if (walk.EndsInSlash && !isDirectory)
        {
            return Errno.ENOENT;
        }

        errno = walk.Current.Mount.WantWrite();
        return errno != Errno.None ? errno : Permissions.MayCreate(task, directory);
    }

    /// <summary>What to make: type and permissions, device number, link target.</summary>
    private readonly record struct NewEntry(uint Mode, ulong Device, string? Target);
}
