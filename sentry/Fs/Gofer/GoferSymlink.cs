using Abi.Linux;
using Lisafs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>A symbolic link. Its target came with the lookup and cannot change.</summary>
internal sealed class GoferSymlink : GoferInode
{
    private readonly string _target;

    internal GoferSymlink(GoferSuperBlock superBlock, GoferDirectory? parent, string name, in WireNode node)
        : base(superBlock, parent, name, node) => _target = node.LinkTarget;

    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string target)
    {
        target = _target;
        return target.Length > 0 ? Errno.None : Errno.EIO;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        return Errno.ELOOP;
    }
}
