using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>What the server does for an honest client.</summary>
public sealed class ServerTests : IDisposable
{
    private readonly ServerFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void A_created_file_has_the_mode_and_contents_given()
    {
        int fd = CreateFile("file", 0x9ed, out WireNode node);
        AssertOk(HostUnistd.WriteAll(fd, "hello"u8));
        HostUnistd.Close(fd);
        Assert.Equal(StatMode.S_IFREG | 0x9ed, node.Attributes.Mode);
        Assert.Equal("hello", File.ReadAllText(Path.Combine(_fixture.Writable, "file")));
        AssertOk(_fixture.Client.Open(new(_fixture.WritableRoot, "file"), Fcntl.O_RDONLY, out int again, out _));
        byte[] buffer = new byte[16];
        AssertOk(HostUnistd.Read(again, buffer, out int done));
        Assert.Equal("hello"u8.ToArray(), buffer[..done]);
        Assert.Equal(Errno.EBADF, HostUnistd.Write(again, "x"u8, out _));
        HostUnistd.Close(again);
    }

    [Fact]
    public void A_walk_gives_attributes_link_targets_and_handles()
    {
        Directory.CreateDirectory(Path.Combine(_fixture.Writable, "dir"));
        File.CreateSymbolicLink(Path.Combine(_fixture.Writable, "dir/link"), "some/where");
        AssertOk(_fixture.Client.Walk(_fixture.WritableRoot, "dir", WalkHandles.Directories, out WireNode dir));
        Assert.NotEqual(Protocol.NoHandle, dir.Handle);
        AssertOk(_fixture.Client.Walk(dir.Handle, "link", WalkHandles.Directories, out WireNode link));
        Assert.Equal(Protocol.NoHandle, link.Handle);
        Assert.Equal("some/where", link.LinkTarget);
        Assert.Equal(Errno.ENOENT, _fixture.Client.Walk(dir.Handle, "none", WalkHandles.All, out _));
    }

    [Fact]
    public void Directories_are_read_whole_in_batches_with_attributes()
    {
        HashSet<string> expected = [];
        for (int i = 0; i < 3000; i++)
        {
            string name = $"entry-{i:d5}-{new string('x', 60)}";
            expected.Add(name);
            File.WriteAllText(Path.Combine(_fixture.Writable, name), "");
        }

        List<WireEntry> entries = [];
        long cookie = 0;
        int batches = 0;
        while (cookie >= 0)
        {
            AssertOk(_fixture.Client.ReadDirectory(
                new(
                    _fixture.WritableRoot, ""), DirectoryDetail.Attributes, cookie, entries,
                    out DirectoryAnswer answer));
            cookie = answer.NextCookie;
            batches++;
        }

        Assert.True(batches > 1);
        Assert.Equal(expected.Count, entries.Count);
        Assert.Equal(expected, entries.Select(entry => entry.Name).ToHashSet());
        Assert.All(entries, entry => Assert.True(entry.HasNode && entry.Node.Attributes.Inode == entry.Inode));
    }

    [Fact]
    public void Attributes_change_and_are_returned()
    {
        HostUnistd.Close(CreateFile("file", 0x1a4, out _));
        WireAttributeChange change = new()
        {
            Mask = WireAttributeMask.All,
            Mode = 0xc00,
            Uid = 12,
            Gid = 34,
            SizeBytes = 5000,
            AccessTimeNs = 1_500_000_000_123_456_789,
            ModifyTimeNs = -1,
        };
        AssertOk(_fixture.Client.SetAttributes(new(_fixture.WritableRoot, "file"), change, out WireAttributes now));
        Assert.Equal(StatMode.S_IFREG | 0xc00, now.Mode);
        Assert.Equal((12u, 34u, 5000L), (now.Uid, now.Gid, now.SizeBytes));
        Assert.Equal((1_500_000_000_123_456_789, -1L), (now.AccessTimeNs, now.ModifyTimeNs));
    }

    [Fact]
    public void Names_are_linked_renamed_exchanged_and_removed()
    {
        HostUnistd.Close(CreateFile("a", 0x1a4, out _));
        uint root = _fixture.WritableRoot;
        AssertOk(_fixture.Client.Link(new(root, "a"), root, "b", out WireAttributes linked));
        Assert.Equal(2u, linked.LinkCount);
        CreateRequest directory = new(root, 0x1ed, 0, 0, 0, "d", "");
        AssertOk(_fixture.Client.Make(Operation.MakeDirectory, directory, out WireNode made));
        AssertOk(_fixture.Client.Rename(root, "b", made.Handle, "c", 0));
        Assert.Equal(Errno.EEXIST, _fixture.Client.Rename(root, "a", made.Handle, "c", Fcntl.RENAME_NOREPLACE));
        AssertOk(_fixture.Client.Rename(root, "a", made.Handle, "c", Fcntl.RENAME_EXCHANGE));
        Assert.Equal(Errno.ENOTEMPTY, _fixture.Client.Unlink(root, "d", UnlinkFlags.Directory, out _));
        AssertOk(_fixture.Client.Unlink(made.Handle, "c", UnlinkFlags.KeepHandle, out uint kept));
        AssertOk(_fixture.Client.GetAttributes(new(kept, ""), out WireAttributes left));
        Assert.Equal(1u, left.LinkCount);
        AssertOk(_fixture.Client.Unlink(root, "d", UnlinkFlags.Directory, out _));
        Assert.Equal(Errno.EISDIR, UnlinkOfDirectory());
        Assert.Equal(["a", "e"], Directory.GetFileSystemEntries(_fixture.Writable).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void An_unnamed_file_can_be_written_and_then_named()
    {
        CreateRequest request = new(_fixture.WritableRoot, StatMode.S_IFREG | 0x180, 1, 2, 0, "", "");
        AssertOk(_fixture.Client.Create(Operation.MakeUnnamed, request, out WireNode node, out int fd));
        AssertOk(HostUnistd.WriteAll(fd, "data"u8));
        HostUnistd.Close(fd);
        Assert.Empty(Directory.GetFileSystemEntries(_fixture.Writable));
        AssertOk(
            _fixture.Client.Link(new(node.Handle, ""), _fixture.WritableRoot, "named", out WireAttributes attributes));
        Assert.Equal((1u, 1u, 2u), (attributes.LinkCount, attributes.Uid, attributes.Gid));
        Assert.Equal("data", File.ReadAllText(Path.Combine(_fixture.Writable, "named")));
    }

    [Fact]
    public void Extended_attributes_of_files_and_links_survive()
    {
        HostUnistd.Close(CreateFile("file", 0x1a4, out _));
        WireTarget file = new(_fixture.WritableRoot, "file");
        byte[] value = new byte[300];
        new Random(1).NextBytes(value);
        AssertOk(_fixture.Client.SetXattr(file, "trusted.one", value, 0));
        Assert.Equal(Errno.EEXIST, _fixture.Client.SetXattr(file, "trusted.one", value, Xattr.XATTR_CREATE));
        AssertOk(_fixture.Client.GetXattr(file, "trusted.one", out byte[] read));
        Assert.Equal(value, read);
        List<string> names = [];
        AssertOk(_fixture.Client.ListXattr(file, names));
        Assert.Contains("trusted.one", names);
        AssertOk(_fixture.Client.RemoveXattr(file, "trusted.one"));
        Assert.Equal(Errno.ENODATA, _fixture.Client.GetXattr(file, "trusted.one", out _));
        CreateRequest link = new(_fixture.WritableRoot, 0x1ff, 0, 0, 0, "link", "file");
        AssertOk(_fixture.Client.Make(Operation.MakeSymlink, link, out _));
        WireTarget target = new(_fixture.WritableRoot, "link");
        AssertOk(_fixture.Client.SetXattr(target, "trusted.two", value, 0));
        Assert.Equal(Errno.ENODATA, _fixture.Client.GetXattr(file, "trusted.two", out _));
        AssertOk(_fixture.Client.GetXattr(target, "trusted.two", out _));
    }

    [Fact]
    public void Whiteouts_and_fifos_can_be_made_but_devices_cannot()
    {
        uint root = _fixture.WritableRoot;
        AssertOk(
            _fixture.Client.Make(Operation.MakeNode, new(root, StatMode.S_IFCHR, 0, 0, 0, "w", ""),
            out WireNode whiteout));
        Assert.Equal(StatMode.S_IFCHR, whiteout.Attributes.Mode);
        AssertOk(
            _fixture.Client.Make(Operation.MakeNode, new(root, StatMode.S_IFIFO | 0x1b6, 0, 0, 0, "f", ""),
            out WireNode fifo));
        Assert.Equal(StatMode.S_IFIFO | 0x1b6, fifo.Attributes.Mode);
        ulong nullDevice = Sysmacros.Makedev(1, 3);
        CreateRequest device = new(root, StatMode.S_IFCHR | 0x1b6, 0, 0, nullDevice, "n", "");
        Assert.Equal(Errno.EPERM, _fixture.Client.Make(Operation.MakeNode, device, out _));
    }

    [Fact]
    public void Calls_of_many_threads_proceed_on_few_channels()
    {
        const int Threads = 8;
        int failures = 0;
        Thread[] threads = new Thread[Threads];
        for (int i = 0; i < Threads; i++)
        {
            int number = i;
            threads[i] = new Thread(() => failures += MakeAndRemove(number));
            threads[i].Start();
        }

        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(0, failures);
        Assert.Empty(Directory.GetFileSystemEntries(_fixture.Writable));
    }

    private int MakeAndRemove(int number)
    {
        int failures = 0;
        for (int i = 0; i < 200; i++)
        {
            string name = $"t{number}-{i}";
            CreateRequest request = new(_fixture.WritableRoot, 0x1a4, 0, 0, 0, name, "");
            if (_fixture.Client.Create(Operation.Create, request, out _, out int fd) != Errno.None)
            {
                failures++;
                continue;
            }

            HostUnistd.Close(fd);
            failures += _fixture.Client.Unlink(request.Directory, name, UnlinkFlags.None, out _) == Errno.None ? 0 : 1;
        }

        return failures;
    }

    private Errno UnlinkOfDirectory()
    {
        AssertOk(
            _fixture.Client.Make(Operation.MakeDirectory, new(_fixture.WritableRoot, 0x1ed, 0, 0, 0, "e", ""), out _));
        return _fixture.Client.Unlink(_fixture.WritableRoot, "e", UnlinkFlags.None, out _);
    }

    private int CreateFile(string name, uint mode, out WireNode node)
    {
        CreateRequest request = new(_fixture.WritableRoot, mode, 0, 0, 0, name, "");
        AssertOk(_fixture.Client.Create(Operation.Create, request, out node, out int fd));
        return fd;
    }
}
