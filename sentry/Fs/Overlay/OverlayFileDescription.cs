using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// An open regular file: operations go to a description of the real file. When the file was copied up since, the
/// upper file is opened for it, so that a reader sees what was written after it opened (fs/overlayfs/file.c,
/// ovl_real_fdget). Mappings made before keep the lower file.
/// </summary>
internal sealed class OverlayFileDescription : FileDescription
{
    private readonly OverlayFile _file;

    /// <summary>
    /// Guards the three fields below; a file is copied up once, so there are at most two real descriptions.
    /// </summary>
    private readonly OrderedLock<CopyUpLevel> _lock = new();
    private FileDescription _real;
    private Inode _realInode;
    private FileDescription? _lowerReal;

    internal OverlayFileDescription(OverlayFile file, VfsPath path, int flags, Inode realInode, FileDescription real)
    {
        _file = file;
        _real = real;
        _realInode = realInode;
        Path = path;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _file;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        Errno error = GetReal(task, out FileDescription real);
        return error == Errno.None ? real.PRead(task, ref destination, offset, out done) : error;
    }

    /// <inheritdoc/>
    public override Errno PWrite(Task task, ref IoSequence source, long offset, out long done, out long newOffset)
    {
        done = 0;
        newOffset = offset;
        Errno error = GetReal(task, out FileDescription real);
        return error == Errno.None ? real.PWrite(task, ref source, offset, out done, out newOffset) : error;
    }

    /// <inheritdoc/>
    public override Errno GetMappable(Task task, out IMappable? mappable)
    {
        mappable = null;
        Errno error = GetReal(task, out FileDescription real);
        return error == Errno.None ? real.GetMappable(task, out mappable) : error;
    }

    /// <inheritdoc/>
    public override Errno Sync(Task task)
    {
        Errno error = GetReal(task, out FileDescription real);
        return error == Errno.None ? real.Sync(task) : error;
    }

    /// <inheritdoc/>
    public override Errno Allocate(Task task, int mode, long offset, long lengthBytes)
    {
        Errno error = GetReal(task, out FileDescription real);
        return error == Errno.None ? real.Allocate(task, mode, offset, lengthBytes) : error;
    }

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        Errno error = GetReal(task, out FileDescription real);
        return error == Errno.None ? real.Ioctl(task, command, argument, out result) : error;
    }

    /// <inheritdoc/>
    public override Errno CheckFlags(int flags) => _real.CheckFlags(flags);

    /// <inheritdoc/>
    protected override Errno FindExtent(long offset, int whence, long sizeBytes, out long result)
    {
        // Of the real file, whose own position is not used.
        return Volatile.Read(ref _real).Locate(offset, whence, out result);
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        _real.DropReference(null);
        _lowerReal?.DropReference(null);
    }

    private Errno GetReal(Task task, out FileDescription real)
    {
        real = Volatile.Read(ref _real);
        if (_realInode != _file.Real)
        {
            Errno error = Reopen(task, out real);
            if (error != Errno.None)
            {
                return error;
            }
        }

        real.Flags = Flags;
        return Errno.None;
    }

    private Errno Reopen(Task task, out FileDescription real)
    {
        using (_lock.Enter())
        {
            real = _real;
            if (_realInode == _file.Real)
            {
                return Errno.None;
            }

            Errno error = _file.OpenReal(task, Path, Flags, out Inode inode, out FileDescription? opened);
            if (error == Errno.None)
            {
                _lowerReal = _real;
                Volatile.Write(ref _real, opened!);
                Volatile.Write(ref _realInode, inode);
                real = opened!;
            }

            return error;
        }
    }
}
