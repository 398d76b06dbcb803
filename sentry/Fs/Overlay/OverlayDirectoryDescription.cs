using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>An open directory.</summary>
internal sealed class OverlayDirectoryDescription : ListedDirectoryDescription
{
    private readonly OverlayDirectory _directory;

    internal OverlayDirectoryDescription(OverlayDirectory directory, VfsPath path, int flags)
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
    public override Errno Sync(Task task) => _directory.Sync(task);

    /// <inheritdoc/>
    protected override Errno GetListing(Task task, out DirectoryListing? listing) =>
        _directory.GetListing(task, out listing);
}
