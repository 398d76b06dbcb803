using System;
using System.IO;
using System.Text;
using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>
/// What the server refuses a hostile client, and what it does not see when the host tree changes under it.
/// </summary>
public sealed class EscapeTests : IDisposable
{
    private readonly ServerFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void A_symbolic_link_out_of_the_tree_is_data_and_is_never_followed()
    {
        File.CreateSymbolicLink(Path.Combine(_fixture.Writable, "out"), "../secret");
        Directory.CreateSymbolicLink(Path.Combine(_fixture.Writable, "up"), _fixture.Top);
        WireTarget link = new(_fixture.WritableRoot, "out");
        Assert.Equal(Errno.ELOOP, _fixture.Client.Open(link, Fcntl.O_RDONLY, out _, out _));
        AssertOk(_fixture.Client.Walk(_fixture.WritableRoot, "up", WalkHandles.All, out WireNode up));
        Assert.Equal(Errno.ENOTDIR, _fixture.Client.Walk(up.Handle, "secret", WalkHandles.All, out _));
        Assert.Equal(Errno.ENOTDIR, _fixture.Client.GetAttributes(new(up.Handle, "secret"), out _));
        WireAttributeChange truncate = new() { Mask = WireAttributeMask.Size };
        Assert.NotEqual(Errno.None, _fixture.Client.SetAttributes(link, truncate, out _));
        CreateRequest request = new(_fixture.WritableRoot, 0x1a4, 0, 0, 0, "out", "");
        Assert.Equal(Errno.EEXIST, _fixture.Client.Create(Operation.Create, request, out _, out _));
        Assert.Equal("outside", File.ReadAllText(Path.Combine(_fixture.Top, "secret")));
    }

    [Fact]
    public void A_name_that_flips_between_file_and_link_never_opens_what_the_link_means()
    {
        string name = Path.Combine(_fixture.Writable, "flip");
        string file = Path.Combine(_fixture.Writable, "file");
        string link = Path.Combine(_fixture.Writable, "link");
        using CancellationTokenSource stop = new();
        Thread flipper = new(() => Flip(name, file, link, stop.Token));
        File.WriteAllText(name, "inside");
        flipper.Start();
        byte[] buffer = new byte[16];
        for (int i = 0; i < 3000; i++)
        {
            Errno error = _fixture.Client.Open(new(_fixture.WritableRoot, "flip"), Fcntl.O_RDONLY, out int fd, out _);
            if (error != Errno.None)
            {
                Assert.True(error is Errno.ELOOP or Errno.ENOENT, error.ToString());
                continue;
            }

            AssertOk(HostUnistd.Read(fd, buffer, out int done));
            HostUnistd.Close(fd);
            Assert.NotEqual("outside", Encoding.ASCII.GetString(buffer, 0, done));
        }

        stop.Cancel();
        flipper.Join();
    }

    [Fact]
    public void A_directory_swapped_for_a_link_is_not_walked_through()
    {
        string name = Path.Combine(_fixture.Writable, "dir");
        Directory.CreateDirectory(name);
        AssertOk(_fixture.Client.Walk(_fixture.WritableRoot, "dir", WalkHandles.All, out WireNode dir));
        Directory.Delete(name);
        Directory.CreateSymbolicLink(name, _fixture.Top);
        Assert.Equal(Errno.ENOENT, _fixture.Client.Walk(dir.Handle, "secret", WalkHandles.All, out _));
        CreateRequest request = new(dir.Handle, 0x1a4, 0, 0, 0, "new", "");
        Assert.Equal(Errno.ENOENT, _fixture.Client.Create(Operation.Create, request, out _, out _));
        Assert.False(File.Exists(Path.Combine(_fixture.Top, "new")));
    }

    [Fact]
    public void A_read_only_attach_point_refuses_every_change()
    {
        File.WriteAllText(Path.Combine(_fixture.ReadOnly, "file"), "kept");
        uint root = _fixture.ReadOnlyRoot;
        WireTarget file = new(root, "file");
        CreateRequest request = new(root, 0x1a4, 0, 0, 0, "new", "t");
        Assert.Equal(Errno.EROFS, _fixture.Client.Open(file, Fcntl.O_RDWR, out _, out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Open(file, Fcntl.O_WRONLY, out _, out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Create(Operation.Create, request, out _, out _));
        Assert.Equal(
            Errno.EROFS, _fixture.Client.Create(Operation.MakeUnnamed, request with { Name = "" }, out _, out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Make(Operation.MakeDirectory, request, out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Make(Operation.MakeSymlink, request, out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Make(Operation.MakeNode, request, out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Link(file, root, "new", out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Unlink(root, "file", UnlinkFlags.None, out _));
        Assert.Equal(Errno.EROFS, _fixture.Client.Rename(root, "file", root, "new", 0));
        Assert.Equal(Errno.EROFS, _fixture.Client.Rename(_fixture.WritableRoot, "file", root, "new", 0));
        Assert.Equal(Errno.EROFS, _fixture.Client.SetXattr(file, "trusted.x", "y"u8, 0));
        Assert.Equal(Errno.EROFS, _fixture.Client.RemoveXattr(file, "trusted.x"));
        WireAttributeChange change = new() { Mask = WireAttributeMask.Mode };
        Assert.Equal(Errno.EROFS, _fixture.Client.SetAttributes(file, change, out _));
        string only = Assert.Single(Directory.GetFileSystemEntries(_fixture.ReadOnly));
        Assert.Equal("file", Path.GetFileName(only));
    }

    [Fact]
    public void Files_do_not_move_between_attach_points()
    {
        File.WriteAllText(Path.Combine(_fixture.ReadOnly, "file"), "kept");
        WireTarget file = new(_fixture.ReadOnlyRoot, "file");
        Assert.Equal(Errno.EXDEV, _fixture.Client.Link(file, _fixture.WritableRoot, "stolen", out _));
        Assert.Empty(Directory.GetFileSystemEntries(_fixture.Writable));
    }

    [Fact]
    public void Handles_that_were_closed_or_never_given_are_refused()
    {
        Assert.Equal(Errno.EBADF, _fixture.Client.GetAttributes(new(12345, ""), out _));
        Assert.Equal(Errno.EBADF, _fixture.Client.GetAttributes(new(Protocol.NoHandle, ""), out _));
        AssertOk(_fixture.Client.Mount(0, out MountAnswer extra));
        _fixture.Client.CloseLater(extra.Root.Handle);
        _fixture.Client.FlushCloses();
        Assert.Equal(Errno.EBADF, _fixture.Client.GetAttributes(new(extra.Root.Handle, ""), out _));
    }

    [Fact]
    public void Devices_and_sockets_are_not_opened()
    {
        AssertOk(HostStat.MknodAt(
            HostFcntl.AtFdCwd, Path.Combine(
                _fixture.Writable, "null"), (int)StatMode.S_IFCHR | 0x1b6, Sysmacros.Makedev(1, 3)));
        AssertOk(
            HostStat.MknodAt(HostFcntl.AtFdCwd, Path.Combine(_fixture.Writable, "fifo"),
            (int)StatMode.S_IFIFO | 0x1b6, 0));
        AssertOk(
            HostStat.MknodAt(HostFcntl.AtFdCwd, Path.Combine(_fixture.Writable, "sock"),
            (int)StatMode.S_IFSOCK | 0x1b6, 0));
        uint root = _fixture.WritableRoot;
        Assert.Equal(Errno.EPERM, _fixture.Client.Open(new(root, "null"), Fcntl.O_RDWR, out _, out _));
        Assert.Equal(Errno.EPERM, _fixture.Client.Open(new(root, "fifo"), Fcntl.O_RDWR, out _, out _));
        Assert.Equal(Errno.EPERM, _fixture.Client.Open(new(root, "sock"), Fcntl.O_RDWR, out _, out _));
    }

    [Fact]
    public void Random_requests_break_nothing()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        byte[] request = new byte[256];
        byte[] answer = new byte[Protocol.MaxMessageBytes];
        int[] descriptors = new int[Protocol.MaxDescriptors];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(request);
            MessageWriter writer = new(request);
            for (int words = random.Next(12); words > 0; words--)
            {
                writer.Write(random.Next(4) == 0 ? (uint)random.Next() : (uint)random.Next(4));
            }

            Operation operation = (Operation)random.Next(1, (int)Operation.Limit);
            ReadOnlySpan<byte> message = writer.Finish(operation, 0, 0);
            Server(message, answer, descriptors, out int count);
            Array.ForEach(descriptors[..count], fd => HostUnistd.Close(fd));
        }

        AssertOk(_fixture.Client.Mount(1, out _));
        Assert.Equal("outside", File.ReadAllText(Path.Combine(_fixture.Top, "secret")));
    }

    private void Server(ReadOnlySpan<byte> message, byte[] answer, int[] descriptors, out int count) =>
        _fixture.Server.Dispatch(message, answer, descriptors, out count);

    private static void Flip(string name, string file, string link, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            File.WriteAllText(file, "inside");
            File.Move(file, name, overwrite: true);
            File.CreateSymbolicLink(link, "../secret");
            HostUnistd.RenameAt2(HostFcntl.AtFdCwd, link, HostFcntl.AtFdCwd, name, 0);
        }
    }
}
