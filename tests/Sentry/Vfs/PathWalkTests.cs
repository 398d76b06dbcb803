using System;
using Abi.Linux;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Vfs;

/// <summary>Rules of path_resolution(7), openat2(2) and symlink(7).</summary>
public sealed class PathWalkTests : IDisposable
{
    private readonly VfsFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Names_resolve_through_directories_and_dots()
    {
        _files.MkDir("/a");
        _files.MkDir("/a/b");
        _files.WriteFile("/a/b/file", "x");
        Assert.Equal(_files.Stat("/a/b/file").Inode, _files.Stat("a/./b/../b//file").Inode);
        Assert.Equal(_files.Stat("/").Inode, _files.Stat("/../../..").Inode);
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/none", out _));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/none/x", out _));
        Assert.Equal(Errno.ENOTDIR, _files.Lookup("/a/b/file/x", out _));
        Assert.Equal(Errno.ENOTDIR, _files.Lookup("/a/b/file/", out _));
        Assert.Equal(Errno.ENOTDIR, _files.Lookup("/a/b/file/..", out _));
        Assert.Equal(Errno.ENOENT, _files.Lookup("", out _));
    }

    [Fact]
    public void A_component_of_255_bytes_is_the_longest()
    {
        Assert.Equal(Errno.None, _files.MkDir("/" + new string('n', 255)));
        Assert.Equal(Errno.ENAMETOOLONG, _files.MkDir("/" + new string('n', 256)));
        Assert.Equal(Errno.ENAMETOOLONG, _files.Lookup("/" + new string('n', 256) + "/x", out _));
    }

    [Fact]
    public void Links_are_followed_in_the_middle_always_and_at_the_end_on_demand()
    {
        _files.MkDir("/d");
        _files.WriteFile("/d/f", "data");
        _files.Symlink("d", "/rel");
        _files.Symlink("/d/f", "/abs");
        _files.Symlink("rel/f", "/chain");
        Assert.Equal("data", _files.ReadFile("/rel/f"));
        Assert.Equal("data", _files.ReadFile("/abs"));
        Assert.Equal("data", _files.ReadFile("/chain"));
        Assert.Equal(StatMode.S_IFLNK, _files.Stat("/abs", LookupFlags.None).Mode & StatMode.S_IFMT);
        Assert.Equal(StatMode.S_IFDIR, _files.Stat("/rel/", LookupFlags.None).Mode & StatMode.S_IFMT);
        Assert.Equal(Errno.ENOTDIR, _files.Lookup("/abs/", out _, LookupFlags.None));
        Assert.Equal(Errno.ELOOP, _files.TryOpen("/abs", Fcntl.O_RDONLY | Fcntl.O_NOFOLLOW));
        Assert.Equal(Errno.None, _files.TryOpen("/abs", Fcntl.O_PATH | Fcntl.O_NOFOLLOW));
    }

    [Fact]
    public void Links_of_others_in_a_sticky_directory_end_no_path()
    {
        // The answers are Linux 6.1's with fs.protected_symlinks=1.
        _files.MkDir("/s", 0x3FF);
        Assert.Equal(Errno.None, _files.Vfs.ChangeMode(_files.Task, _files.Find("/s"), 0x3FF));
        Assert.Equal(Errno.None, _files.Vfs.ChangeOwner(_files.Task, _files.Find("/s"), 5, 5));
        _files.MkDir("/d");
        _files.WriteFile("/d/x", "x");
        foreach ((string target, string name) in new[] { ("self", "/s/self"), ("/d", "/s/m") })
        {
            _files.Symlink(target, name);
            _files.Vfs.ChangeOwner(_files.Task, _files.Find(name, LookupFlags.None), 1, 1);
        }

        _files.Symlink("/s/m", "/n");
        _files.Symlink("/s/m", "/c40");
        for (int i = 39; i > 0; i--)
        {
            _files.Symlink($"/c{i + 1}", $"/c{i}");
        }

        Assert.Equal(Errno.EACCES, _files.Lookup("/s/self", out _));
        Assert.Equal(Errno.EACCES, _files.Lookup("/s/m", out _));
        Assert.Equal(Errno.None, _files.Lookup("/s/m/x", out _));
        Assert.Equal(Errno.None, _files.Lookup("/n/x", out _));
        Assert.Equal(Errno.EACCES, _files.Lookup("/n", out _));
        Assert.Equal(Errno.ELOOP, _files.Lookup("/c1", out _));
        Assert.Equal(Errno.EACCES, _files.Lookup("/c2", out _));
        _files.Vfs.ProtectedSymlinks = false;
        Assert.Equal(Errno.ELOOP, _files.Lookup("/s/self", out _));
        Assert.Equal(Errno.None, _files.Lookup("/s/m", out _));
    }

    [Theory]
    [InlineData(40, Errno.None)]
    [InlineData(41, Errno.ELOOP)]
    public void Forty_links_are_followed_and_no_more(int count, Errno expected)
    {
        _files.WriteFile("/target", "");
        _files.Symlink("target", "/l1");
        for (int i = 2; i <= count; i++)
        {
            _files.Symlink("l" + (i - 1), "/l" + i);
        }

        Assert.Equal(expected, _files.Lookup("/l" + count, out _));
    }

    [Fact]
    public void A_link_to_itself_loops_and_a_dangling_one_is_absent()
    {
        _files.Symlink("self", "/self");
        _files.Symlink("nowhere", "/dangling");
        Assert.Equal(Errno.ELOOP, _files.Lookup("/self", out _));
        Assert.Equal(Errno.ELOOP, _files.Lookup("/self/x", out _));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/dangling", out _));
        Assert.Equal(Errno.EEXIST, _files.MkDir("/dangling"));
        Assert.Equal(Errno.EEXIST, _files.TryOpen("/dangling", Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_WRONLY));
        Assert.Equal(Errno.None, _files.TryOpen("/dangling", Fcntl.O_CREAT | Fcntl.O_WRONLY));
        Assert.Equal(StatMode.S_IFREG, _files.Stat("/nowhere").Mode & StatMode.S_IFMT);
    }

    [Fact]
    public void Search_permission_is_needed_on_every_directory()
    {
        _files.MkDir("/closed", 0x1C0);
        _files.WriteFile("/closed/f", "");
        _files.Become(1000);
        Assert.Equal(Errno.EACCES, _files.Lookup("/closed/f", out _));
        Assert.Equal(Errno.EACCES, _files.Lookup("/closed/..", out _));
        Assert.Equal(Errno.None, _files.Lookup("/closed", out _));
        Assert.Equal(Errno.EACCES, _files.MkDir("/mine"));
        _files.BecomeRoot();
        Assert.Equal(Errno.None, _files.Lookup("/closed/f", out _));
    }

    [Fact]
    public void Openat2_scopes_keep_a_walk_inside()
    {
        _files.MkDir("/top");
        _files.MkDir("/top/in");
        _files.WriteFile("/secret", "s");
        _files.WriteFile("/top/secret", "own");
        _files.Symlink("/secret", "/top/abs");
        _files.Symlink("../secret", "/top/up");
        FileDescription top = _files.MustOpen("/top", Fcntl.O_PATH | Fcntl.O_DIRECTORY);
        Assert.Equal(Errno.None, _files.Task.FdTable.Install(_files.Task, top, CloseOnExec.No, out int fd));
        Assert.Equal(Errno.EXDEV, Try(fd, "../secret", LookupFlags.Beneath));
        Assert.Equal(Errno.EXDEV, Try(fd, "/secret", LookupFlags.Beneath));
        Assert.Equal(Errno.EXDEV, Try(fd, "abs", LookupFlags.Beneath));
        Assert.Equal(Errno.EXDEV, Try(fd, "up", LookupFlags.Beneath));
        Assert.Equal(Errno.None, Try(fd, "in/../secret", LookupFlags.Beneath));
        Assert.Equal(Errno.ELOOP, Try(fd, "abs", LookupFlags.NoSymlinks));
        Assert.Equal("own", ReadIn(fd, "abs", LookupFlags.InRoot));
        Assert.Equal("own", ReadIn(fd, "../../up", LookupFlags.InRoot));
        Assert.Equal("s", ReadIn(fd, "abs", LookupFlags.None));
    }

    [Fact]
    public void Chroot_is_the_end_of_the_way_up()
    {
        _files.MkDir("/jail");
        _files.MkDir("/jail/sub");
        _files.WriteFile("/out", "");
        _files.Task.FsContext.SetRoot(_files.Find("/jail"));
        Assert.Equal(Errno.None, _files.Lookup("/sub", out VfsPath sub));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/../out", out _));
        Assert.Equal("/sub", _files.Format(sub));
        Assert.Equal("(unreachable)/", _files.Format(_files.Task.FsContext.WorkingDirectory));
    }

    private Errno Try(int fd, string path, LookupFlags resolve)
    {
        OpenRequest request = new(Fcntl.O_RDONLY, 0, resolve);
        Errno errno = _files.Vfs.Open(_files.Task, fd, path, in request, out FileDescription? file);
        file?.DropReference(_files.Task);
        return errno;
    }

    private string ReadIn(int fd, string path, LookupFlags resolve)
    {
        OpenRequest request = new(Fcntl.O_RDONLY, 0, resolve);
        Assert.Equal(Errno.None, _files.Vfs.Open(_files.Task, fd, path, in request, out FileDescription? file));
        string text = _files.Read(file!);
        _files.Close(file!);
        return text;
    }
}
