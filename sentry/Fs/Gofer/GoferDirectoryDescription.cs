using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// An open directory. It reads the listing when first read after open or rewind and goes through that: names that
/// come and go meanwhile neither shift positions nor appear twice, as POSIX readdir() asks.
/// </summary>
internal sealed class GoferDirectoryDescription : FileDescription
{
    private const long FirstName = 2;

    private readonly GoferDirectory _directory;
    private GoferListing? _listing;

    internal GoferDirectoryDescription(GoferDirectory directory, VfsPath path, int flags)
    {
        _directory = directory;
        Path = path;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _directory;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref Mm.IoSequence destination, long offset, out long done)
    {
        done = 0;
        return Errno.EISDIR;
    }

    /// <inheritdoc/>
    public override Errno IterateDirectory(Task task, IDirentSink sink)
    {
        if (_listing is null || Position == 0)
        {
            Errno error;
            using (_directory.DirectoryLock.Enter())
            {
                error = _directory.GetListing(out _listing);
            }

            if (error != Errno.None)
            {
                return error;
            }
        }

        long position = Position;
        bool isFull = !DirectoryEntries.AddDots(
            sink, _directory.InodeNumber, _directory.ParentInodeNumber, ref position);
        Position = position;
        if (!isFull)
        {
            AddNames(sink, _listing!);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Sync(Task task) => _directory.Sync();

    private void AddNames(IDirentSink sink, GoferListing listing)
    {
        while (Position - FirstName < listing.Names.Length)
        {
            GoferListedName entry = listing.Names[(int)(Position - FirstName)];
            if (!sink.Add(entry.Inode, entry.Type, entry.Name, Position + 1))
            {
                return;
            }

            Position++;
        }
    }
}
