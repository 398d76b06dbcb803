using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>An open directory.</summary>
internal sealed class TmpfsDirectoryDescription : FileDescription
{
    private readonly TmpfsDirectory _directory;

    internal TmpfsDirectoryDescription(TmpfsDirectory directory, VfsPath path)
    {
        _directory = directory;
        Path = path;
    }

    /// <inheritdoc/>
    public override Inode Inode => _directory;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        return Errno.EISDIR;
    }

    /// <inheritdoc/>
    public override Errno IterateDirectory(Task task, IDirentSink sink)
    {
        long position = Position;
        if (DirectoryEntries.AddDots(sink, _directory.Number, _directory.Parent.Number, ref position))
        {
            position = _directory.Iterate(position, sink);
        }

        Position = position;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Sync(Task task) => Errno.None;
}
