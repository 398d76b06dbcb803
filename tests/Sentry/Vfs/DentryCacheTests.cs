using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using Abi.Linux;
using Sentry.Fs.Overlay;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Vfs;

/// <summary>What was removed is garbage: neither the cache of names nor anything beside it keeps the inode.</summary>
public sealed class DentryCacheTests : IDisposable
{
    private const int Count = 200;

    // The last one or two may still be named by a dead slot of a stack frame.
    private const int Leftover = 4;

    private readonly VfsFixture _files = new(kernel => kernel.Vfs.RegisterFileSystem(OverlayFileSystem.Instance));

    public DentryCacheTests()
    {
        foreach (string name in new[] { "/plain", "/lower", "/upper", "/work", "/merged" })
        {
            Assert.Equal(Errno.None, _files.MkDir(name));
        }

        Assert.Equal(Errno.None, _files.Vfs.MountNew(_files.Task, _files.Find("/merged"), "overlay", "o", 0, 0,
            "lowerdir=/lower,upperdir=/upper,workdir=/work"));
    }

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("/plain")]
    [InlineData("/merged")]
    public void Removed_links_are_garbage(string directory) =>
        AssertCollected(directory, path => _files.Symlink(new string('x', 1000), path), _files.Unlink);

    [Theory]
    [InlineData("/plain")]
    [InlineData("/merged")]
    public void Removed_files_are_garbage(string directory) =>
        AssertCollected(directory, MakeFile, _files.Unlink);

    [Theory]
    [InlineData("/plain")]
    [InlineData("/merged")]
    public void Removed_directories_are_garbage(string directory) =>
        AssertCollected(directory, path => _files.MkDir(path), _files.RmDir);

    [Theory]
    [InlineData("/plain")]
    [InlineData("/merged")]
    public void Files_renamed_over_are_garbage(string directory)
    {
        Assert.Equal(Errno.None, MakeFile(directory + "/other"));
        AssertCollected(directory, MakeFile, path =>
        {
            Errno errno = _files.Rename(directory + "/other", path);
            return errno != Errno.None ? errno : _files.Rename(path, directory + "/other");
        });
    }

    [Fact]
    public void The_cache_counts_what_it_keeps()
    {
        _files.Vfs.CacheLimit = 100;
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(Errno.ENOENT, _files.Lookup("/plain/missing" + i, out _));
        }

        Assert.InRange(_files.Vfs.CachedCount, 1, 101);
        Assert.Equal(Errno.None, MakeFile("/plain/missing999"));
        Assert.Equal(Errno.None, _files.Unlink("/plain/missing999"));
        Assert.InRange(_files.Vfs.CachedCount, 1, 101);
    }

    private Errno MakeFile(string path)
    {
        Errno errno = _files.Open(path, Fcntl.O_CREAT | Fcntl.O_WRONLY, out FileDescription? file);
        file?.DropReference(_files.Task);
        return errno;
    }

    private void AssertCollected(string directory, Func<string, Errno> make, Func<string, Errno> remove)
    {
        List<WeakReference> inodes = MakeAndRemove(directory, make, remove);
        for (int pass = 0; pass < 3; pass++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.InRange(inodes.FindAll(inode => inode.IsAlive).Count, 0, Leftover);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private List<WeakReference> MakeAndRemove(string directory, Func<string, Errno> make, Func<string, Errno> remove)
    {
        List<WeakReference> inodes = [];
        for (int i = 0; i < Count; i++)
        {
            string path = $"{directory}/thing{i}";
            Assert.Equal(Errno.None, make(path));
            inodes.Add(new WeakReference(_files.Find(path, LookupFlags.None).Dentry.Inode));
        }

        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(Errno.None, remove($"{directory}/thing{i}"));
        }

        return inodes;
    }
}
