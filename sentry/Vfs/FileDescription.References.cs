using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Does an open description count as a writer of its inode (ETXTBSY, read-only remount)?</summary>
internal enum WriteAccess
{
    None,

    /// <summary>Yes; undone when the description goes.</summary>
    Counted,

    /// <summary>The other way round: it forbids writers, because it is being executed.</summary>
    Denied,
}

/// <summary>
/// References, and what a description holds while it lives: its inode, its place, its write access, its locks.
/// </summary>
public abstract partial class FileDescription
{
    private int _references = 1;
    private VfsPath _boundPath;
    private Inode? _boundInode;
    private WriteAccess _writeAccess;
    private AnonymousPlace? _anonymousPlace;

    /// <summary>Descriptors, mappings and calls in progress.</summary>
    public int ReferenceCount => Volatile.Read(ref _references);

    /// <summary>Takes a reference while another is held.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>Takes a reference unless the last one is already gone.</summary>
    public bool TryAddReference()
    {
        int seen = Volatile.Read(ref _references);
        while (seen > 0)
        {
            int actual = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (actual == seen)
            {
                return true;
            }

            seen = actual;
        }

        return false;
    }

    /// <summary>Drops a reference; the last one releases the description.</summary>
    public void DropReference(Task? task)
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            ReleaseAll();
        }
    }

    /// <summary>Place in the tree; anonymous files get one of their own, reachable only through magic links.</summary>
    public VfsPath GetPath()
    {
        if (!Path.IsNone)
        {
            return Path;
        }

        if (Volatile.Read(ref _anonymousPlace) is null)
        {
            SuperBlock superBlock = Inode.SuperBlock;
            Dentry dentry = VirtualFileSystem.MakeUnnamedDentry(superBlock, parent: null, AnonymousName
                ?? "anon", Inode);
            AnonymousPlace made = new(new VfsPath(superBlock.InternalMount, dentry));
            Interlocked.CompareExchange(ref _anonymousPlace, made, null);
        }

        return _anonymousPlace!.Path;
    }

    /// <summary>
    /// Ties the description to what it keeps alive. The caller took the reference on the inode and counted the
    /// writer.
    /// </summary>
    internal void Bind(VfsPath path, Inode inode, WriteAccess access)
    {
        Path = path;
        _boundPath = path;
        _boundInode = inode;
        _writeAccess = access;
        path.Pin();
        if (access == WriteAccess.Counted)
        {
            path.Mount.AddWriter();
        }
    }

    /// <summary>Everything a close(2) of one descriptor does besides dropping its reference.</summary>
    internal Errno OnDescriptorClosed(Task task, FdTable owner)
    {
        if (Inode.Locks is { } locks)
        {
            locks.ReleaseOwner(owner);
        }

        EndNotices(owner);
        return IsPathOnly ? Errno.None : Flush(task);
    }

    private void ReleaseAll()
    {
        Inode inode = Inode;
        inode.Locks?.ReleaseOwner(this);
        if (!_boundPath.IsNone && !IsPathOnly)
        {
            FileEvents.Report(_boundPath, CanWrite ? Inotify.IN_CLOSE_WRITE : Inotify.IN_CLOSE_NOWRITE);
        }

        StopAsynchronous();
        LeaveEpoll();
        Release();
        if (_writeAccess == WriteAccess.Counted)
        {
            _boundInode!.DropWriter();
            _boundPath.Mount.DropWriter();
        }
        else if (_writeAccess == WriteAccess.Denied)
        {
            _boundInode!.AllowWriters();
        }

        _boundInode?.DropReference();
        if (!_boundPath.IsNone)
        {
            _boundPath.Unpin();
        }
    }

    /// <summary>Holds the place of an anonymous file.</summary>
    private sealed class AnonymousPlace(VfsPath path)
    {
        internal readonly VfsPath Path = path;
    }
}
