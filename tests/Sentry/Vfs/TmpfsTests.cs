using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Mm;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Vfs;

/// <summary>tmpfs through the VFS: contents, link counts, renames, listings, limits.</summary>
public sealed class TmpfsTests : IDisposable
{
    private readonly VfsFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Files_keep_what_is_written()
    {
        FileDescription file = _files.MustOpen("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        Assert.Equal(5, _files.Write(file, "hello"));
        Assert.Equal(Errno.None, file.Seek(_files.Task, 10000, Fcntl.SEEK_SET, out _));
        Assert.Equal(1, _files.Write(file, "!"));
        Assert.Equal(10001, _files.Stat("/f").SizeBytes);
        Assert.Equal(16, _files.Stat("/f").Blocks);
        Assert.Equal(Errno.None, file.Seek(_files.Task, 0, Fcntl.SEEK_SET, out _));
        string text = _files.Read(file);
        Assert.Equal("hello" + new string('\0', 9995) + "!", text);
        Assert.Equal(Errno.None, file.Seek(_files.Task, 0, Fcntl.SEEK_HOLE, out long hole));
        Assert.Equal(4096, hole);
        Assert.Equal(Errno.None, file.Seek(_files.Task, 5000, Fcntl.SEEK_DATA, out long data));
        Assert.Equal(8192, data);
        _files.Close(file);
    }

    [Fact]
    public void Append_ignores_the_offset()
    {
        _files.WriteFile("/f", "one");
        FileDescription file = _files.MustOpen("/f", Fcntl.O_WRONLY | Fcntl.O_APPEND);
        IoSequence source = IoSequence.FromBuffer("two"u8.ToArray());
        Assert.Equal(Errno.None, file.PWrite(_files.Task, ref source, 0, out long done, out long end));
        Assert.Equal(3, done);
        Assert.Equal(6, end);
        Assert.Equal("onetwo", _files.ReadFile("/f"));
        _files.Close(file);
    }

    [Fact]
    public void An_unlinked_file_lives_while_it_is_open()
    {
        _files.WriteFile("/f", "still here");
        FileDescription file = _files.MustOpen("/f", Fcntl.O_RDONLY);
        Assert.Equal(Errno.None, _files.Unlink("/f"));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/f", out _));
        Assert.Equal("still here", _files.Read(file));
        Assert.Equal("/f (deleted)", _files.Vfs.FormatLink(file, _files.Task.FsContext.Root));
        ulong before = Used();
        _files.Close(file);
        Assert.Equal(before - 1, Used());
    }

    [Fact]
    public void Link_counts_follow_links_and_directories()
    {
        _files.MkDir("/d");
        Assert.Equal(2u, _files.Stat("/d").LinkCount);
        _files.MkDir("/d/e");
        Assert.Equal(3u, _files.Stat("/d").LinkCount);
        _files.WriteFile("/f", "");
        Assert.Equal(Errno.None, _files.Link("/f", "/d/g"));
        Assert.Equal(2u, _files.Stat("/f").LinkCount);
        Assert.Equal(Errno.EPERM, _files.Link("/d", "/d2"));
        Assert.Equal(Errno.None, _files.Unlink("/f"));
        Assert.Equal(1u, _files.Stat("/d/g").LinkCount);
        Assert.Equal(Errno.ENOTEMPTY, _files.RmDir("/d"));
        Assert.Equal(Errno.None, _files.RmDir("/d/e"));
        Assert.Equal(2u, _files.Stat("/d").LinkCount);
        Assert.Equal(Errno.EISDIR, _files.Unlink("/d"));
        Assert.Equal(Errno.ENOTDIR, _files.RmDir("/d/g"));
    }

    [Fact]
    public void Renames_replace_exchange_and_refuse()
    {
        _files.MkDir("/a");
        _files.MkDir("/b");
        _files.WriteFile("/a/f", "f");
        _files.WriteFile("/b/g", "g");
        Assert.Equal(Errno.EEXIST, _files.Rename("/a/f", "/b/g", Fcntl.RENAME_NOREPLACE));
        Assert.Equal(Errno.None, _files.Rename("/a/f", "/b/g", Fcntl.RENAME_EXCHANGE));
        Assert.Equal("g", _files.ReadFile("/a/f"));
        Assert.Equal("f", _files.ReadFile("/b/g"));
        Assert.Equal(Errno.None, _files.Rename("/a/f", "/b/g"));
        Assert.Equal("g", _files.ReadFile("/b/g"));
        Assert.Equal(Errno.ENOENT, _files.Lookup("/a/f", out _));
        Assert.Equal(Errno.EINVAL, _files.Rename("/b", "/b/inside"));
        Assert.Equal(Errno.ENOTEMPTY, _files.Rename("/a", "/b"));
        Assert.Equal(Errno.ENOTDIR, _files.Rename("/a", "/b/g"));
        Assert.Equal(Errno.EISDIR, _files.Rename("/b/g", "/a"));
        Assert.Equal(Errno.None, _files.Rename("/b", "/a"));
        Assert.Equal(["g"], _files.List("/a"));
        Assert.Equal(2u, _files.Stat("/a").LinkCount);
        Assert.Equal(3u, _files.Stat("/").LinkCount);
        Assert.Equal(Errno.EBUSY, _files.Rename("/a/.", "/c"));
        Assert.Equal(Errno.None, _files.Rename("/a/g", "/a/w", Fcntl.RENAME_WHITEOUT));
        Assert.Equal(StatMode.S_IFCHR, _files.Stat("/a/g").Mode & StatMode.S_IFMT);
    }

    [Fact]
    public void A_listing_survives_changes_between_its_parts()
    {
        for (int i = 0; i < 100; i++)
        {
            _files.WriteFile("/f" + i, "");
        }

        FileDescription directory = _files.MustOpen("/", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        HashSet<string> seen = [];
        int removed = 0;
        while (true)
        {
            VfsFixture.NameSink sink = new(7);
            Assert.Equal(Errno.None, directory.IterateDirectory(_files.Task, sink));
            if (sink.Names.Count == 0)
            {
                break;
            }

            foreach (string name in sink.Names)
            {
                Assert.True(seen.Add(name), name + " came twice");
                Assert.Equal(Errno.None, _files.Unlink("/" + name));
                removed++;
            }
        }

        Assert.Equal(100, removed);
        _files.Close(directory);
    }

    [Fact]
    public void Limits_hold()
    {
        _files.MkDir("/small");
        SuperBlock small = _files.NewTmpfs("size=16k,nr_inodes=4");
        Assert.Equal(Errno.None, _files.Task.MountNamespace.Attach(_files.Task, "/small", small, 0));
        Assert.Equal("size=16k,nr_inodes=4", small.Options);
        FileDescription file = _files.MustOpen("/small/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        IoSequence source = IoSequence.FromBuffer(new byte[32768]);
        Assert.Equal(Errno.None, file.PWrite(_files.Task, ref source, 0, out long done, out _));
        Assert.Equal(16384, done);
        Assert.Equal(Errno.ENOSPC, file.PWrite(_files.Task, ref source, 16384, out _, out _));
        _files.Close(file);
        _files.WriteFile("/small/g", "");
        _files.WriteFile("/small/h", "");
        Assert.Equal(Errno.ENOSPC, _files.TryOpen("/small/i", Fcntl.O_CREAT | Fcntl.O_RDWR));
        Assert.Equal(Errno.None, _files.Unlink("/small/f"));
        _files.WriteFile("/small/g", new string('x', 16384));
        Assert.Equal(Errno.None, _files.TryOpen("/small/i", Fcntl.O_CREAT | Fcntl.O_RDWR));
    }

    [Fact]
    public void Unnamed_files_can_be_given_a_name()
    {
        FileDescription file = _files.MustOpen("/", Fcntl.O_TMPFILE | Fcntl.O_RDWR);
        _files.Write(file, "named later");
        Assert.Equal(Errno.None, file.Inode.GetAttributes(out InodeAttributes attributes));
        Assert.Equal(0u, attributes.LinkCount);
        Assert.Equal(Errno.None, _files.Vfs.Link(_files.Task, file.GetPath(), Fcntl.AT_FDCWD, "/named"));
        _files.Close(file);
        Assert.Equal("named later", _files.ReadFile("/named"));
        FileDescription sealedFile = _files.MustOpen("/", Fcntl.O_TMPFILE | Fcntl.O_RDWR | Fcntl.O_EXCL);
        Assert.Equal(Errno.ENOENT, _files.Vfs.Link(_files.Task, sealedFile.GetPath(), Fcntl.AT_FDCWD, "/never"));
        _files.Close(sealedFile);
    }

    private ulong Used()
    {
        Assert.Equal(Errno.None, _files.Find("/").Mount.SuperBlock.GetStatistics(_files.Task,
            out FileSystemStatistics s));
        return s.Files - s.FreeFiles;
    }
}
