using System;
using System.Text;
using Abi.Linux;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Vfs;

/// <summary>mount(2), umount2(2), pivot_root(2), mount_namespaces(7).</summary>
public sealed class MountTests : IDisposable
{
    private readonly VfsFixture _files = new();

    public MountTests()
    {
        foreach (string name in new[] { "/a", "/b", "/c", "/d" })
        {
            _files.MkDir(name);
        }
    }

    public void Dispose() => _files.Dispose();

    private VirtualFileSystem Vfs => _files.Vfs;

    [Fact]
    public void A_mount_covers_and_uncovers()
    {
        _files.WriteFile("/a/below", "");
        Assert.Equal(Errno.None, MountAt("/a"));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/below", out _));
        _files.WriteFile("/a/above", "");
        Assert.Equal(_files.Stat("/").Inode, _files.Stat("/a/..").Inode);
        Assert.Equal(Errno.None, MountAt("/a"));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/above", out _));
        Assert.Equal(Errno.EBUSY, _files.RmDir("/a"));
        Assert.Equal(Errno.EBUSY, _files.Rename("/a", "/e"));
        Assert.Equal(Errno.None, Unmount("/a"));
        Assert.Equal(Errno.None, _files.Lookup("/a/above", out _));
        Assert.Equal(Errno.None, Unmount("/a"));
        Assert.Equal(Errno.None, _files.Lookup("/a/below", out _));
        Assert.Equal(Errno.EINVAL, Unmount("/a"));
        Assert.Equal(Errno.ENODEV, Vfs.MountNew(_files.Task, _files.Find("/a"), "nosuchfs", "x", 0, 0, ""));
    }

    [Fact]
    public void An_open_file_keeps_a_mount_busy_and_alive()
    {
        MountAt("/a");
        _files.WriteFile("/a/f", "data");
        FileDescription file = _files.MustOpen("/a/f", Fcntl.O_RDONLY);
        Assert.Equal(Errno.EBUSY, Unmount("/a"));
        Assert.Equal(Errno.None, Unmount("/a", UmountFlags.MNT_DETACH));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/f", out _));
        Assert.Equal("data", _files.Read(file));
        _files.Close(file);
    }

    [Fact]
    public void Expiry_takes_two_calls_without_use_between()
    {
        MountAt("/a");
        Assert.Equal(Errno.EAGAIN, Unmount("/a", UmountFlags.MNT_EXPIRE));
        _files.TryOpen("/a", Fcntl.O_RDONLY);
        Assert.Equal(Errno.EAGAIN, Unmount("/a", UmountFlags.MNT_EXPIRE));
        Assert.Equal(Errno.None, Unmount("/a", UmountFlags.MNT_EXPIRE));
    }

    [Fact]
    public void Binds_show_the_same_files_with_flags_of_their_own()
    {
        _files.MkDir("/a/sub");
        MountAt("/a/sub");
        _files.WriteFile("/a/sub/inner", "");
        _files.WriteFile("/a/f", "x");
        Assert.Equal(Errno.None, Bind("/a", "/b", MountScope.Single));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/b/sub/inner", out _));
        Assert.Equal(Errno.None, Bind("/a", "/c", MountScope.Recursive));
        Assert.Equal(Errno.None, _files.Lookup("/c/sub/inner", out _));
        Assert.Equal("x", _files.ReadFile("/b/f"));
        Assert.Equal(Errno.None, Vfs.RemountBind(_files.Task, _files.Find("/b"), MountFlags.MS_RDONLY));
        Assert.Equal(Errno.EROFS, _files.TryOpen("/b/f", Fcntl.O_WRONLY));
        Assert.Equal(Errno.EROFS, _files.Unlink("/b/f"));
        Assert.Equal(Errno.EROFS, _files.MkDir("/b/new"));
        Assert.Equal(Errno.EEXIST, _files.MkDir("/b/sub"));
        Assert.Equal(Errno.None, _files.TryOpen("/a/f", Fcntl.O_WRONLY));
        Assert.Equal(Errno.EXDEV, _files.Rename("/a/f", "/c/g"));
        Assert.Equal(Errno.EXDEV, _files.Link("/a/f", "/c/g"));
        FileDescription writer = _files.MustOpen("/c/f", Fcntl.O_WRONLY);
        Assert.Equal(Errno.EBUSY, Vfs.RemountBind(_files.Task, _files.Find("/c"), MountFlags.MS_RDONLY));
        _files.Close(writer);
        Assert.Equal(Errno.None, Vfs.RemountBind(_files.Task, _files.Find("/c"), MountFlags.MS_RDONLY));
    }

    [Fact]
    public void A_file_can_be_mounted_on_a_file_only()
    {
        _files.WriteFile("/f", "one");
        _files.WriteFile("/g", "two");
        Assert.Equal(Errno.ENOTDIR, Bind("/f", "/a", MountScope.Single));
        Assert.Equal(Errno.ENOTDIR, Bind("/a", "/f", MountScope.Single));
        Assert.Equal(Errno.None, Bind("/f", "/g", MountScope.Single));
        Assert.Equal("one", _files.ReadFile("/g"));
        Assert.Equal(Errno.EBUSY, _files.Unlink("/g"));
        Assert.Equal(Errno.None, Unmount("/g"));
        Assert.Equal("two", _files.ReadFile("/g"));
    }

    [Fact]
    public void Shared_mounts_pass_events_on_and_slaves_only_receive()
    {
        MountAt("/a");
        _files.MkDir("/a/x");
        _files.MkDir("/a/y");
        Change("/a", PropagationType.Shared);
        Bind("/a", "/b", MountScope.Single);
        Bind("/a", "/c", MountScope.Single);
        Bind("/a", "/d", MountScope.Single);
        Change("/c", PropagationType.Slave);
        Change("/d", PropagationType.Private);
        MountAt("/a/x");
        _files.WriteFile("/a/x/seen", "");
        Assert.Equal(Errno.None, _files.Lookup("/b/x/seen", out _));
        Assert.Equal(Errno.None, _files.Lookup("/c/x/seen", out _));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/d/x/seen", out _));
        MountAt("/c/y");
        _files.WriteFile("/c/y/own", "");
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/y/own", out _));
        Assert.Equal(Errno.None, Unmount("/b/x"));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/x/seen", out _));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/c/x/seen", out _));
        Assert.Equal(Errno.None, _files.Lookup("/c/y/own", out _));
        Change("/d", PropagationType.Unbindable);
        Assert.Equal(Errno.EINVAL, Bind("/d", "/b", MountScope.Single));
    }

    [Fact]
    public void Mounts_move_but_not_below_themselves()
    {
        MountAt("/a");
        _files.MkDir("/a/in");
        _files.WriteFile("/a/f", "");
        Assert.Equal(Errno.ELOOP, Vfs.Move(_files.Task, _files.Find("/a"), _files.Find("/a/in")));
        Assert.Equal(Errno.None, Vfs.Move(_files.Task, _files.Find("/a"), _files.Find("/b")));
        Assert.Equal(Errno.None, _files.Lookup("/b/f", out _));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/f", out _));
        Assert.Equal("/b/in", _files.Format(_files.Find("/b/in")));
        Assert.Equal(Errno.EINVAL, Vfs.Move(_files.Task, _files.Find("/c"), _files.Find("/d")));
    }

    [Fact]
    public void Pivot_root_exchanges_the_roots()
    {
        MountAt("/a");
        _files.MkDir("/a/old");
        _files.WriteFile("/a/new", "");
        _files.WriteFile("/was", "");
        Assert.Equal(Errno.EBUSY, Vfs.PivotRoot(_files.Task, _files.Find("/"), _files.Find("/a/old")));
        Assert.Equal(Errno.EINVAL, Vfs.PivotRoot(_files.Task, _files.Find("/a/old"), _files.Find("/a/old")));
        Assert.Equal(Errno.None, Vfs.PivotRoot(_files.Task, _files.Find("/a"), _files.Find("/a/old")));
        Assert.Equal(Errno.None, _files.Lookup("/new", out _));
        Assert.Equal(Errno.None, _files.Lookup("/old/was", out _));
        Assert.Equal(Errno.None, _files.Lookup("new", out _));
        Assert.Equal(Errno.None, Unmount("/old", UmountFlags.MNT_DETACH));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/old/was", out _));
    }

    [Fact]
    public void A_copied_namespace_is_separate()
    {
        MountNamespace first = _files.Task.MountNamespace;
        FsContext context = _files.Task.FsContext.Copy();
        Errno errno = Vfs.CopyNamespace(_files.Task, _files.Kernel.RootUserNamespace, context,
            out MountNamespace? second);
        Assert.Equal(Errno.None, errno);
        MountAt("/a");
        _files.WriteFile("/a/only-here", "");
        FsContext old = _files.Task.FsContext;
        _files.Task.SetFileSystem(context, second!);
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/only-here", out _));
        Assert.Equal(Errno.None, _files.RmDir("/a"));
        _files.Task.SetFileSystem(old, first);
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a", out _));
    }

    [Fact]
    public void Nodev_noexec_and_nosuid_are_obeyed()
    {
        SuperBlock plain = _files.NewTmpfs();
        _files.Task.MountNamespace.Attach(_files.Task, "/a", plain, MountFlags.MS_NODEV | MountFlags.MS_NOEXEC);
        Vfs.MakeNode(_files.Task, Fcntl.AT_FDCWD, "/a/null", StatMode.S_IFCHR | 0x1B6, 0x103, out _);
        Assert.Equal(Errno.EACCES, _files.TryOpen("/a/null", Fcntl.O_RDONLY));
        _files.WriteFile("/a/prog", "");
        Vfs.ChangeMode(_files.Task, _files.Find("/a/prog"), 0x1ED);
        Errno errno = Vfs.OpenForExecute(_files.Task, Fcntl.AT_FDCWD, "/a/prog", 0, out _);
        Assert.Equal(Errno.EACCES, errno);
    }

    [Fact]
    public void A_running_program_cannot_be_written()
    {
        _files.WriteFile("/prog", "");
        Vfs.ChangeMode(_files.Task, _files.Find("/prog"), 0x1ED);
        Assert.Equal(Errno.None, Vfs.OpenForExecute(_files.Task, Fcntl.AT_FDCWD, "/prog", 0,
            out FileDescription? program));
        Assert.Equal(Errno.ETXTBSY, _files.TryOpen("/prog", Fcntl.O_WRONLY));
        _files.Close(program!);
        FileDescription writer = _files.MustOpen("/prog", Fcntl.O_WRONLY);
        Assert.Equal(Errno.ETXTBSY, Vfs.OpenForExecute(_files.Task, Fcntl.AT_FDCWD, "/prog", 0, out _));
        _files.Close(writer);
        Assert.Equal(Errno.None, Vfs.OpenForExecute(_files.Task, Fcntl.AT_FDCWD, "/prog", 0, out program));
        _files.Close(program!);
    }

    [Fact]
    public void Mountinfo_tells_the_tree()
    {
        MountAt("/a");
        Change("/a", PropagationType.Shared);
        StringBuilder text = new();
        _files.Task.MountNamespace.WriteMountInfo(_files.Task.FsContext.Root, text);
        string[] lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Contains(" / /a rw shared:", lines[1], StringComparison.Ordinal);
        Assert.Contains(" - tmpfs t rw", lines[1], StringComparison.Ordinal);
    }

    private Errno MountAt(string path) => Vfs.MountNew(_files.Task, _files.Find(path), "tmpfs", "t", 0, 0, "");

    private Errno Unmount(string path, int flags = 0) => Vfs.Unmount(_files.Task, _files.Find(path), flags);

    private Errno Bind(string from, string to, MountScope scope) =>
        Vfs.Bind(_files.Task, _files.Find(from), _files.Find(to), scope);

    private void Change(string path, PropagationType type) =>
        Assert.Equal(Errno.None, Vfs.ChangePropagation(_files.Task, _files.Find(path), type, MountScope.Single));
}
