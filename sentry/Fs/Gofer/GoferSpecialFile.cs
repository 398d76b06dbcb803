using Abi.Linux;
using Lisafs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>A FIFO, socket or device node: a name on the host for what the sandbox's own drivers open.</summary>
internal sealed class GoferSpecialFile : GoferInode
{
    private readonly ulong _specialDevice;

    internal GoferSpecialFile(GoferSuperBlock superBlock, GoferDirectory? parent, string name, in WireNode node)
        : base(superBlock, parent, name, node) => _specialDevice = node.Attributes.SpecialDevice;

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file) =>
        task.Kernel.Vfs.SpecialFiles.Open(task, this, path, flags, _specialDevice, out file);
}
