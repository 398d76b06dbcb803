using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Fs.Tmpfs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Tests.Sentry.Mm;
using Xunit;

namespace Tests.Sentry.Vfs;

/// <summary>A kernel with one task, root with all capabilities, on an empty tmpfs; and the file system calls in
/// short.</summary>
internal sealed class VfsFixture : IDisposable
{
    private readonly MemoryFile _memory;

    internal VfsFixture(Action<GuestKernel>? compose = null)
    {
        Assert.Equal(Errno.None, MemoryFile.Create(1ul << 30, ulong.MaxValue, out MemoryFile? memory));
        _memory = memory!;
        Kernel = new GuestKernel { Platform = new TestPlatform(), MemoryFile = _memory };
        Root = new Credentials
        {
            UserNamespace = Kernel.RootUserNamespace,
            Permitted = ulong.MaxValue,
            Effective = ulong.MaxValue,
            Bounding = ulong.MaxValue,
        };
        Task = Kernel.CreateInit(new InitProcess { Credentials = Root, FdTable = new FdTable() });
        Kernel.Vfs.RegisterFileSystem(new TmpfsType());
        compose?.Invoke(Kernel);
        MountNamespace mounts = MountNamespace.Create(Kernel.Vfs, NewTmpfs("mode=755"), 0, Kernel.RootUserNamespace);
        VfsPath root = mounts.RootTop;
        Task.SetFileSystem(new FsContext(Kernel.Vfs, root, root, 0x12), mounts);
    }

    internal GuestKernel Kernel { get; }

    internal VirtualFileSystem Vfs => Kernel.Vfs;

    internal Task Task { get; }

    internal Credentials Root { get; }

    public void Dispose() => _memory.Dispose();

    /// <summary>Another tmpfs.</summary>
    internal SuperBlock NewTmpfs(string options = "")
    {
        Assert.True(Vfs.TryGetFileSystem("tmpfs", out FileSystemType? type));
        Assert.Equal(Errno.None, type!.Mount(Task, "none", 0, options, out SuperBlock? made));
        return made!;
    }

    /// <summary>The task becomes an ordinary user.</summary>
    internal void Become(uint uid, params uint[] groups) => Task.CommitCredentials(new Credentials
    {
        UserNamespace = Kernel.RootUserNamespace,
        RealUid = uid,
        EffectiveUid = uid,
        SavedUid = uid,
        FsUid = uid,
        RealGid = uid,
        EffectiveGid = uid,
        SavedGid = uid,
        FsGid = uid,
        Groups = groups,
    });

    internal void BecomeRoot() => Task.CommitCredentials(Root);

    internal Errno MkDir(string path, uint mode = 0x1ED) => Vfs.MakeDirectory(Task, Fcntl.AT_FDCWD, path, mode);

    internal Errno Symlink(string target, string path) => Vfs.MakeSymlink(Task, target, Fcntl.AT_FDCWD, path);

    internal Errno Unlink(string path) => Vfs.Unlink(Task, Fcntl.AT_FDCWD, path);

    internal Errno RmDir(string path) => Vfs.RemoveDirectory(Task, Fcntl.AT_FDCWD, path);

    internal Errno Rename(string from, string to, uint flags = 0) =>
        Vfs.Rename(Task, Fcntl.AT_FDCWD, from, Fcntl.AT_FDCWD, to, flags);

    internal Errno Link(string from, string to)
    {
        Errno errno = Vfs.Lookup(Task, Fcntl.AT_FDCWD, from, LookupFlags.None, out VfsPath source);
        return errno != Errno.None ? errno : Vfs.Link(Task, source, Fcntl.AT_FDCWD, to);
    }

    internal Errno Lookup(string path, out VfsPath place, LookupFlags flags = LookupFlags.Follow) =>
        Vfs.Lookup(Task, Fcntl.AT_FDCWD, path, flags, out place);

    internal VfsPath Find(string path, LookupFlags flags = LookupFlags.Follow)
    {
        Assert.Equal(Errno.None, Lookup(path, out VfsPath place, flags));
        return place;
    }

    internal Errno Open(string path, int flags, out FileDescription? file, uint mode = 0x1B6, LookupFlags resolve =
        0) =>
        Vfs.Open(Task, Fcntl.AT_FDCWD, path, new OpenRequest(flags, mode, resolve), out file);

    internal FileDescription MustOpen(string path, int flags, uint mode = 0x1B6)
    {
        Assert.Equal(Errno.None, Open(path, flags, out FileDescription? file, mode));
        return file!;
    }

    internal void Close(FileDescription file) => file.DropReference(Task);

    /// <summary>Opens only to see the errno.</summary>
    internal Errno TryOpen(string path, int flags, uint mode = 0x1B6, LookupFlags resolve = 0)
    {
        Errno errno = Open(path, flags, out FileDescription? file, mode, resolve);
        file?.DropReference(Task);
        return errno;
    }

    internal void WriteFile(string path, string text)
    {
        FileDescription file = MustOpen(path, Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_TRUNC);
        Assert.Equal(text.Length, Write(file, text));
        Close(file);
    }

    internal string ReadFile(string path)
    {
        FileDescription file = MustOpen(path, Fcntl.O_RDONLY);
        string text = Read(file);
        Close(file);
        return text;
    }

    internal long Write(FileDescription file, string text)
    {
        IoSequence source = IoSequence.FromBuffer(Encoding.Latin1.GetBytes(text));
        Assert.Equal(Errno.None, file.Write(Task, ref source, out long done));
        return done;
    }

    internal string Read(FileDescription file, int max = 65536)
    {
        byte[] buffer = new byte[max];
        IoSequence destination = IoSequence.FromBuffer(buffer);
        Assert.Equal(Errno.None, file.Read(Task, ref destination, out long done));
        return Encoding.Latin1.GetString(buffer, 0, (int)done);
    }

    internal InodeAttributes Stat(string path, LookupFlags flags = LookupFlags.Follow)
    {
        Assert.Equal(Errno.None, Find(path, flags).Dentry.Inode!.GetAttributes(out InodeAttributes attributes));
        return attributes;
    }

    /// <summary>Names in a directory without the dots, in the order they come.</summary>
    internal List<string> List(string path)
    {
        FileDescription file = MustOpen(path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        NameSink sink = new();
        Assert.Equal(Errno.None, file.IterateDirectory(Task, sink));
        Close(file);
        return sink.Names;
    }

    internal string Format(VfsPath place) => Vfs.FormatPath(place, Task.FsContext.Root, UnreachablePrefix.Show);

    /// <summary>Collects names.</summary>
    internal sealed class NameSink(int limit = int.MaxValue) : IDirentSink
    {
        internal List<string> Names { get; } = [];

        private int _taken;

        public bool Add(ulong inode, byte type, string name, long nextPosition)
        {
            if (_taken >= limit)
            {
                return false;
            }

            _taken++;
            if (name is not ("." or ".."))
            {
                Names.Add(name);
            }

            return true;
        }
    }
}
