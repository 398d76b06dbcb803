using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Fs.Tmpfs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Xunit;

namespace Tests.Gofer;

/// <summary>A tree of the Sentry's VFS, called as its system calls call it by a task that is root.</summary>
internal sealed class GuestTree : ITree
{
    private const ulong MemoryBytes = 1UL << 30;
    private const int Cwd = Fcntl.AT_FDCWD;

    private readonly GuestKernel _kernel;

    internal GuestTree()
    {
        Assert.Equal(Errno.None, MemoryFile.Create(MemoryBytes, MemoryBytes, out MemoryFile? memory));
        _kernel = new GuestKernel { Platform = null!, MemoryFile = memory! };
        Task = _kernel.CreateInit(new InitProcess
        {
            Credentials = Credentials.Root(_kernel.RootUserNamespace),
            FdTable = new FdTable(),
        });
        Vfs.ProtectedSymlinks = HostSetting("protected_symlinks") != 0;
        Vfs.ProtectedRegular = HostSetting("protected_regular");
        Vfs.ProtectedFifos = HostSetting("protected_fifos");
    }

    /// <summary>The caller of everything.</summary>
    internal Task Task { get; }

    internal VirtualFileSystem Vfs => _kernel.Vfs;

    /// <summary>An empty tmpfs.</summary>
    internal SuperBlock MakeTmpfs()
    {
        Assert.Equal(Errno.None, new TmpfsType().Mount(Task, "test", 0, "mode=755", out SuperBlock? made));
        return made!;
    }

    /// <summary>Makes a file system the root.</summary>
    internal void SetRoot(SuperBlock root)
    {
        MountNamespace mounts = MountNamespace.Create(Vfs, root, 0, _kernel.RootUserNamespace);
        Task.SetFileSystem(new FsContext(Vfs, mounts.Root.RootPath, mounts.Root.RootPath, 0), mounts);
    }

    public Errno MakeDirectory(string path) => Vfs.MakeDirectory(Task, Cwd, path, 0x1ed);

    public Errno Write(string path, int flags, string text, long offset)
    {
        Errno error = Open(path, flags, out FileDescription? file);
        if (error == Errno.None)
        {
            error = WriteTo(file!, text, offset);
            file!.DropReference(Task);
        }

        return error;
    }

    public Errno Read(string path, out string text)
    {
        text = "";
        Errno error = Open(path, Fcntl.O_RDONLY, out FileDescription? file);
        if (error == Errno.None)
        {
            error = ReadFrom(file!, out text);
            file!.DropReference(Task);
        }

        return error;
    }

    public Errno Truncate(string path, long sizeBytes)
    {
        Errno error = Open(path, Fcntl.O_WRONLY, out FileDescription? file);
        if (error == Errno.None)
        {
            error = Vfs.Truncate(Task, file!.Path, sizeBytes);
            file.DropReference(Task);
        }

        return error;
    }

    public Errno Unlink(string path) => Vfs.Unlink(Task, Cwd, path);

    public Errno RemoveDirectory(string path) => Vfs.RemoveDirectory(Task, Cwd, path);

    public Errno Rename(string from, string to, uint flags) => Vfs.Rename(Task, Cwd, from, Cwd, to, flags);

    public Errno Link(string from, string to)
    {
        Errno error = Find(from, out VfsPath path);
        return error == Errno.None ? Vfs.Link(Task, path, Cwd, to) : error;
    }

    public Errno Symlink(string target, string path) => Vfs.MakeSymlink(Task, target, Cwd, path);

    public Errno ChangeMode(string path, uint mode)
    {
        Errno error = Find(path, out VfsPath found);
        if (error != Errno.None)
        {
            return error;
        }

        return found.Dentry.Inode!.FileType == StatMode.S_IFLNK ? Errno.ELOOP : Vfs.ChangeMode(Task, found, mode);
    }

    public Errno ChangeOwner(string path, uint uid, uint gid)
    {
        Errno error = Find(path, out VfsPath found);
        return error == Errno.None ? Vfs.ChangeOwner(Task, found, uid, gid) : error;
    }

    public Errno ChangeTimes(string path, long timeNs)
    {
        TimeChange time = new(TimeChangeKind.Given, timeNs);
        Errno error = Find(path, out VfsPath found);
        return error == Errno.None ? Vfs.ChangeTimes(Task, found, time, time) : error;
    }

    public Errno MakeFifo(string path) => Vfs.MakeNode(Task, Cwd, path, StatMode.S_IFIFO | 0x1a4, 0, out _);

    public Errno ReadLink(string path, out string target)
    {
        target = "";
        Errno error = Find(path, out VfsPath found);
        return error == Errno.None ? found.Dentry.Inode!.ReadLink(Task, out target) : error;
    }

    public Errno Stat(string path, out TreeStat stat)
    {
        stat = default;
        Errno error = Find(path, out VfsPath found);
        return error == Errno.None ? StatOf(found.Dentry.Inode!, out stat) : error;
    }

    public Errno List(string path, out List<TreeEntry> entries)
    {
        entries = [];
        Errno error = Open(path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, out FileDescription? file);
        if (error == Errno.None)
        {
            error = ListFrom(file!, entries);
            file!.DropReference(Task);
        }

        return error;
    }

    internal Errno Find(string path, out VfsPath found) => Vfs.Lookup(Task, Cwd, path, LookupFlags.None, out found);

    internal Errno Open(string path, int flags, out FileDescription? file) =>
        Vfs.Open(Task, Cwd, path, new OpenRequest(flags | Fcntl.O_NOFOLLOW, 0x1a4, LookupFlags.None), out file);

    internal Errno WriteTo(FileDescription file, string text, long offset)
    {
        IoSequence source = IoSequence.FromBuffer(Encoding.Latin1.GetBytes(text));
        return file.PWrite(Task, ref source, offset, out _, out _);
    }

    internal Errno ReadFrom(FileDescription file, out string text)
    {
        byte[] buffer = new byte[1 << 20];
        IoSequence destination = IoSequence.FromBuffer(buffer);
        Errno error = file.PRead(Task, ref destination, 0, out long done);
        text = Encoding.Latin1.GetString(buffer, 0, (int)done);
        return error;
    }

    /// <summary>A file-system setting of the host, which the oracle obeys.</summary>
    private static int HostSetting(string name) =>
        int.Parse(System.IO.File.ReadAllText("/proc/sys/fs/" + name),
            System.Globalization.CultureInfo.InvariantCulture);

    internal static Errno StatOf(Inode inode, out TreeStat stat)
    {
        Errno error = inode.GetAttributes(out InodeAttributes a);
        stat = new TreeStat(a.Mode, a.Uid, a.Gid, a.LinkCount, a.Inode, a.SizeBytes, a.ModifyTimeNs);
        return error;
    }

    internal Errno ListFrom(FileDescription directory, List<TreeEntry> entries) =>
        directory.IterateDirectory(Task, new Sink(entries));

    private sealed class Sink(List<TreeEntry> entries) : IDirentSink
    {
        public bool Add(ulong inode, byte type, string name, long nextPosition)
        {
            if (name is not ("." or ".."))
            {
                entries.Add(new TreeEntry(name, inode, type));
            }

            return true;
        }
    }
}
