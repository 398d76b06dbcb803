using System;
using System.Collections.Generic;
using System.Linq;
using Abi.Linux;
using Sentry.Fs.Overlay;
using Sentry.Vfs;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>Overlays of tmpfs instances: what random operations on paths do not reach.</summary>
public sealed class OverlayTests
{
    private readonly GuestTree _tree = new();
    private readonly SuperBlock _upper;
    private readonly SuperBlock _lower;

    public OverlayTests()
    {
        _lower = _tree.MakeTmpfs();
        _tree.SetRoot(_lower);
        AssertOk(_tree.MakeDirectory("/dir"));
        AssertOk(_tree.Write("/dir/file", Fcntl.O_WRONLY | Fcntl.O_CREAT, "lower", 0));
        AssertOk(_tree.Link("/dir/file", "/second"));
        AssertOk(_tree.Write("/single", Fcntl.O_WRONLY | Fcntl.O_CREAT, "lower", 0));
        _upper = _tree.MakeTmpfs();
        ulong device = _tree.Vfs.AllocateDevice();
        AssertOk(OverlaySuperBlock.Create(_tree.Task, _upper, [_lower], device, out SuperBlock? root));
        _tree.SetRoot(root!);
    }

    [Fact]
    public void A_reader_sees_what_is_written_after_it_opened()
    {
        AssertOk(_tree.Open("/single", Fcntl.O_RDONLY, out FileDescription? reader));
        AssertOk(_tree.Write("/single", Fcntl.O_WRONLY, "UPPER", 0));
        AssertOk(_tree.ReadFrom(reader!, out string text));
        reader!.DropReference(_tree.Task);
        Assert.Equal("UPPER", text);
    }

    [Fact]
    public void The_inode_number_and_device_survive_copy_up()
    {
        AssertOk(_tree.Stat("/dir/file", out TreeStat before));
        AssertOk(_tree.Write("/dir/file", Fcntl.O_WRONLY, "x", 0));
        AssertOk(_tree.Stat("/dir/file", out TreeStat after));
        AssertOk(_tree.List("/dir", out List<TreeEntry> entries));
        Assert.Equal(before.Inode, after.Inode);
        Assert.Equal(before.Inode, Assert.Single(entries).Inode);
    }

    [Fact]
    public void Names_of_one_lower_file_stay_one_file()
    {
        AssertOk(_tree.Write("/second", Fcntl.O_WRONLY, "UP", 0));
        AssertOk(_tree.Read("/dir/file", out string text));
        AssertOk(_tree.Stat("/dir/file", out TreeStat both));
        AssertOk(_tree.Unlink("/second"));
        AssertOk(_tree.Stat("/dir/file", out TreeStat one));
        Assert.Equal("UPwer", text);
        Assert.Equal((2u, 1u), (both.Links, one.Links));
    }

    [Fact]
    public void A_removed_file_that_is_open_can_still_be_changed()
    {
        AssertOk(_tree.Open("/single", Fcntl.O_RDONLY, out FileDescription? file));
        AssertOk(_tree.Unlink("/single"));
        AssertOk(_tree.Vfs.ChangeMode(_tree.Task, file!.Path, 0x1c0));
        AssertOk(GuestTree.StatOf(file.Inode, out TreeStat stat));
        AssertOk(_tree.ReadFrom(file, out string text));
        file.DropReference(_tree.Task);
        Assert.Equal((StatMode.S_IFREG | 0x1c0, 0u), (stat.Mode, stat.Links));
        Assert.Equal("lower", text);
        Assert.Equal(Errno.ENOENT, _tree.Stat("/single", out _));
        Assert.Equal(0, WorkEntries());
    }

    [Fact]
    public void The_lower_layer_never_changes()
    {
        AssertOk(_tree.Write("/dir/file", Fcntl.O_WRONLY, "x", 0));
        AssertOk(_tree.Rename("/dir", "/moved", 0));
        AssertOk(_tree.Unlink("/single"));
        AssertOk(_tree.Write("/moved/new", Fcntl.O_WRONLY | Fcntl.O_CREAT, "x", 0));
        GuestTree view = _tree;
        view.SetRoot(_lower);
        AssertOk(view.List("/", out List<TreeEntry> names));
        AssertOk(view.Read("/dir/file", out string text));
        Assert.Equal(["dir", "second", "single"], names.Select(name => name.Name).Order());
        Assert.Equal("lower", text);
    }

    [Fact]
    public void Copy_up_keeps_times_owner_mode_and_the_times_of_the_directory()
    {
        AssertOk(_tree.Stat("/dir", out TreeStat directory));
        AssertOk(_tree.Stat("/dir/file", out TreeStat before));
        AssertOk(_tree.ChangeOwner("/dir/file", 7, 8));
        AssertOk(_tree.Stat("/dir/file", out TreeStat after));
        AssertOk(_tree.Stat("/dir", out TreeStat directoryAfter));
        Assert.Equal(before with { Uid = 7, Gid = 8 }, after);
        Assert.Equal(directory.ModifyTimeNs, directoryAfter.ModifyTimeNs);
    }

    [Fact]
    public void A_listing_in_progress_neither_repeats_nor_loses_names()
    {
        for (int i = 0; i < 100; i++)
        {
            AssertOk(_tree.Write($"/dir/n{i}", Fcntl.O_WRONLY | Fcntl.O_CREAT, "", 0));
        }

        AssertOk(_tree.Open("/dir", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, out FileDescription? directory));
        HashSet<string> seen = [];
        while (true)
        {
            Batch batch = new(10);
            AssertOk(directory!.IterateDirectory(_tree.Task, batch));
            if (batch.Names.Count == 0)
            {
                break;
            }

            Assert.All(batch.Names, name => Assert.True(seen.Add(name), name));
            foreach (string name in batch.Names.Where(name => name.StartsWith('n')))
            {
                AssertOk(_tree.Unlink("/dir/" + name));
            }
        }

        directory.DropReference(_tree.Task);
        Assert.Equal(103, seen.Count);
        AssertOk(_tree.List("/dir", out List<TreeEntry> left));
        Assert.Equal("file", Assert.Single(left).Name);
    }

    [Fact]
    public void The_work_directory_is_empty_after_all_was_removed()
    {
        AssertOk(_tree.Write("/second", Fcntl.O_WRONLY, "x", 0));
        AssertOk(_tree.Write("/single", Fcntl.O_WRONLY, "x", 0));
        AssertOk(_tree.Unlink("/second"));
        AssertOk(_tree.Unlink("/dir/file"));
        AssertOk(_tree.RemoveDirectory("/dir"));
        AssertOk(_tree.Unlink("/single"));
        Assert.Equal(0, WorkEntries());
    }

    [Fact]
    public void Attributes_of_the_overlay_are_hidden()
    {
        AssertOk(_tree.Rename("/dir", "/moved", 0));
        AssertOk(_tree.Find("/moved", out VfsPath moved));
        Inode inode = moved.Dentry.Inode!;
        List<string> names = [];
        AssertOk(inode.ListXattr(_tree.Task, names));
        Assert.Empty(names);
        Assert.Equal(Errno.ENODATA, inode.GetXattr(_tree.Task, "trusted.overlay.redirect", out _));
        AssertOk(inode.SetXattr(_tree.Task, "trusted.overlay.opaque", "y"u8, 0));
        AssertOk(_tree.Stat("/moved/file", out _));
        AssertOk(inode.ListXattr(_tree.Task, names));
        Assert.Equal(["trusted.overlay.opaque"], names);
    }

    private int WorkEntries()
    {
        AssertOk(_upper.Root.Lookup(_tree.Task, "work", out Inode? work));
        AssertOk(work!.Open(_tree.Task, default, Fcntl.O_RDONLY, out FileDescription? file));
        List<TreeEntry> entries = [];
        AssertOk(_tree.ListFrom(file!, entries));
        file!.DropReference(_tree.Task);
        return entries.Count;
    }

    /// <summary>Takes some names at a time.</summary>
    private sealed class Batch(int room) : IDirentSink
    {
        internal List<string> Names { get; } = [];

        public bool Add(ulong inode, byte type, string name, long nextPosition)
        {
            if (Names.Count == room)
            {
                return false;
            }

            Names.Add(name);
            return true;
        }
    }
}
