using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>An open directory.</summary>
internal sealed class GoferDirectoryDescription : ListedDirectoryDescription
{
    private readonly GoferDirectory _directory;

    internal GoferDirectoryDescription(GoferDirectory directory, VfsPath path, int flags)
    {
        _directory = directory;
        Path = path;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _directory;

    /// <inheritdoc/>
    protected override (ulong Self, ulong Parent) InodeNumbers => (_directory.InodeNumber,
    _directory.ParentInodeNumber);

    /// <inheritdoc/>
    public override Errno Sync(Task task) => _directory.Sync();

    /// <inheritdoc/>
    protected override Errno GetListing(Task task, out DirectoryListing? listing) => _directory.GetListing(out listing);
}
