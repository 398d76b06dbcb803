using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>
/// An O_PATH description of a detached tree (open_tree(2), fsmount(2)): the tree goes with it unless it was attached.
/// </summary>
internal sealed class DetachedTreeDescription : FileDescription
{
    private readonly VirtualFileSystem _vfs;
    private readonly Mount _mount;

    internal DetachedTreeDescription(VirtualFileSystem vfs, Mount mount)
    {
        _vfs = vfs;
        _mount = mount;
        Path = mount.RootPath;
        Inode = mount.Root.Inode!;
        Flags = Fcntl.O_PATH;
    }

    /// <inheritdoc/>
    public override Inode Inode { get; }

    /// <inheritdoc/>
    protected override void Release() => _vfs.DropDetached(_mount);
}
