using System.Threading;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>Root, working directory and umask of one or more tasks (Linux's fs_struct). Reads take no lock.</summary>
public sealed partial class FsContext
{
    private readonly VirtualFileSystem _vfs;
    private readonly OrderedLock<FsContextLevel> _lock = new();
    private Place _root;
    private Place _workingDirectory;
    private uint _umask;
    private int _users = 1;

    /// <summary>A context with one user.</summary>
    public FsContext(VirtualFileSystem vfs, VfsPath root, VfsPath workingDirectory, uint umask)
    {
        _vfs = vfs;
        _root = new Place(root);
        _workingDirectory = new Place(workingDirectory);
        _umask = umask & 0x1FF;
        vfs.Register(this);
    }

    /// <summary>
    /// Holds a path so that it is replaced atomically, and the directory in use, which may lose its name meanwhile.
    /// </summary>
    private sealed class Place
    {
        internal readonly VfsPath Path;
        private readonly bool _isReferenced;

        internal Place(VfsPath path)
        {
            Path = path;
            path.Pin();
            _isReferenced = path.Dentry.Inode!.TryReference();
        }

        internal void Release()
        {
            if (_isReferenced)
            {
                Path.Dentry.Inode!.DropReference();
            }

            Path.Unpin();
        }
    }

    /// <summary>What "/" means (chroot(2)).</summary>
    public VfsPath Root => Volatile.Read(ref _root).Path;

    /// <summary>Where relative paths start.</summary>
    public VfsPath WorkingDirectory => Volatile.Read(ref _workingDirectory).Path;

    /// <summary>Permission bits that new files do not get.</summary>
    public uint Umask => Volatile.Read(ref _umask);

    /// <summary>Tasks that share the context.</summary>
    public int UserCount => Volatile.Read(ref _users);

    /// <summary>Replaces the umask and returns the old one.</summary>
    public uint ExchangeUmask(uint umask) => Interlocked.Exchange(ref _umask, umask & 0x1FF);

    /// <summary>Sets "/".</summary>
    public void SetRoot(VfsPath path)
    {
        using (_lock.Enter())
        {
            Replace(ref _root, path);
        }
    }

    /// <summary>Sets the working directory.</summary>
    public void SetWorkingDirectory(VfsPath path)
    {
        using (_lock.Enter())
        {
            Replace(ref _workingDirectory, path);
        }
    }

    /// <summary>A context of its own with the same contents (fork, unshare).</summary>
    public FsContext Copy()
    {
        using (_lock.Enter())
        {
            return new FsContext(_vfs, _root.Path, _workingDirectory.Path, _umask);
        }
    }

    /// <summary>One more task (CLONE_FS).</summary>
    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One task fewer; the last one lets go of the directories.</summary>
    public void DropUser()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _vfs.Unregister(this);
            _root.Release();
            _workingDirectory.Release();
        }
    }

    /// <summary>Moves root and working directory that equal <paramref name="from"/> (pivot_root(2)).</summary>
    internal void MoveIfAt(VfsPath from, VfsPath to)
    {
        using (_lock.Enter())
        {
            if (_root.Path == from)
            {
                Replace(ref _root, to);
            }

            if (_workingDirectory.Path == from)
            {
                Replace(ref _workingDirectory, to);
            }
        }
    }

    private static void Replace(ref Place place, VfsPath path)
    {
        Place old = place;
        Volatile.Write(ref place, new Place(path));
        old.Release();
    }
}
