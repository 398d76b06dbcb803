using System;
using Abi.Linux;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Vfs;

/// <summary>Owners, sticky directories, set-id bits, protected links.</summary>
public sealed class PermissionTests : IDisposable
{
    private const uint Sticky = 0x3FF;

    private readonly VfsFixture _files = new();

    public PermissionTests()
    {
        _files.Task.FsContext.ExchangeUmask(0);
        _files.MkDir("/tmp", Sticky);
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Mode_bits_of_owner_group_and_others_count()
    {
        _files.Become(1000);
        _files.WriteFile("/tmp/f", "x");
        VfsPath file = _files.Find("/tmp/f");
        Assert.Equal(Errno.None, _files.Vfs.ChangeMode(_files.Task, file, 0x107));
        Assert.Equal(Errno.EACCES, _files.TryOpen("/tmp/f", Fcntl.O_WRONLY));
        _files.Become(2000, 1000);
        Assert.Equal(Errno.EACCES, _files.TryOpen("/tmp/f", Fcntl.O_RDONLY));
        _files.Become(3000);
        Assert.Equal(Errno.None, _files.TryOpen("/tmp/f", Fcntl.O_RDWR));
        Assert.Equal(Errno.EPERM, _files.Vfs.ChangeMode(_files.Task, file, 0x1FF));
        Assert.Equal(Errno.EPERM, _files.Vfs.ChangeOwner(_files.Task, file, 3000, null));
        Assert.Equal(Errno.EPERM, _files.Vfs.ChangeTimes(_files.Task, file, new TimeChange(TimeChangeKind.Given, 1),
            TimeChange.Now));
        Assert.Equal(Errno.None, _files.Vfs.ChangeTimes(_files.Task, file, TimeChange.Now, TimeChange.Now));
    }

    [Fact]
    public void A_sticky_directory_protects_the_files_of_others()
    {
        _files.Become(1000);
        _files.WriteFile("/tmp/mine", "");
        _files.Symlink("mine", "/tmp/link");
        _files.Become(2000);
        Assert.Equal(Errno.EPERM, _files.Unlink("/tmp/mine"));
        Assert.Equal(Errno.EPERM, _files.Rename("/tmp/mine", "/tmp/yours"));
        Assert.Equal(Errno.EACCES, _files.Lookup("/tmp/link", out _));
        Assert.Equal(Errno.EACCES, _files.TryOpen("/tmp/mine", Fcntl.O_CREAT | Fcntl.O_RDONLY));
        Assert.Equal(Errno.None, _files.Link("/tmp/mine", "/tmp/hard"));
        _files.BecomeRoot();
        Assert.Equal(Errno.None, _files.Vfs.ChangeMode(_files.Task, _files.Find("/tmp/mine"), 0x1A4));
        _files.Become(2000);
        Assert.Equal(Errno.EPERM, _files.Link("/tmp/mine", "/tmp/harder"));
        _files.BecomeRoot();
        Assert.Equal(Errno.None, _files.Unlink("/tmp/mine"));
    }

    [Fact]
    public void Set_id_bits_go_with_owner_and_contents()
    {
        _files.Become(1000);
        _files.WriteFile("/tmp/p", "x");
        VfsPath file = _files.Find("/tmp/p");
        Assert.Equal(Errno.None, _files.Vfs.ChangeMode(_files.Task, file, 0xDED));
        Assert.Equal(0xDEDu, _files.Stat("/tmp/p").Mode & 0xFFF);
        _files.WriteFile("/tmp/p", "y");
        Assert.Equal(0x1EDu, _files.Stat("/tmp/p").Mode & 0xFFF);
        Assert.Equal(Errno.None, _files.Vfs.ChangeMode(_files.Task, file, 0xDED));
        _files.BecomeRoot();
        Assert.Equal(Errno.None, _files.Vfs.ChangeOwner(_files.Task, file, 0, 0));
        Assert.Equal(0x1EDu, _files.Stat("/tmp/p").Mode & 0xFFF);
    }

    [Fact]
    public void A_set_gid_directory_gives_its_group_away()
    {
        _files.MkDir("/shared");
        Assert.Equal(Errno.None, _files.Vfs.ChangeOwner(_files.Task, _files.Find("/shared"), null, 77));
        Assert.Equal(Errno.None, _files.Vfs.ChangeMode(_files.Task, _files.Find("/shared"), 0x5FF));
        _files.Become(1000);
        _files.MkDir("/shared/d");
        _files.WriteFile("/shared/f", "");
        Assert.Equal(77u, _files.Stat("/shared/d").Gid);
        Assert.Equal(StatMode.S_ISGID, _files.Stat("/shared/d").Mode & StatMode.S_ISGID);
        Assert.Equal(77u, _files.Stat("/shared/f").Gid);
        Assert.Equal(0u, _files.Stat("/shared/f").Mode & StatMode.S_ISGID);
    }

    [Fact]
    public void Umask_narrows_new_modes()
    {
        _files.Task.FsContext.ExchangeUmask(0x3F);
        _files.WriteFile("/f", "");
        Assert.Equal(0x180u, _files.Stat("/f").Mode & 0x1FF);
        _files.MkDir("/d", 0x1FF);
        Assert.Equal(0x1C0u, _files.Stat("/d").Mode & 0x1FF);
    }

    [Fact]
    public void Device_nodes_need_a_capability_and_whiteouts_do_not()
    {
        _files.Become(1000);
        Assert.Equal(Errno.EPERM, MkNod("/tmp/null", StatMode.S_IFCHR | 0x1B6, 0x103));
        Assert.Equal(Errno.None, MkNod("/tmp/white", StatMode.S_IFCHR, 0));
        Assert.Equal(Errno.None, MkNod("/tmp/fifo", StatMode.S_IFIFO | 0x1B6, 0));
        _files.BecomeRoot();
        Assert.Equal(Errno.None, MkNod("/tmp/null", StatMode.S_IFCHR | 0x1B6, 0x103));
        Assert.Equal(0x103ul, _files.Stat("/tmp/null").SpecialDevice);
        Assert.Equal(Errno.ENXIO, _files.TryOpen("/tmp/null", Fcntl.O_RDONLY));
    }

    private Errno MkNod(string path, uint mode, ulong device) =>
        _files.Vfs.MakeNode(_files.Task, Fcntl.AT_FDCWD, path, mode, device, out _);
}
