using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>A FIFO, socket or device node.</summary>
internal sealed class TmpfsNode : TmpfsInode
{
    internal TmpfsNode(TmpfsSuperBlock superBlock, in CreateContext context, ulong device)
        : base(superBlock, in context) => SpecialDevice = device;

    /// <inheritdoc/>
    protected override ulong SpecialDevice { get; }

    /// <inheritdoc/>
    protected override (long SizeBytes, long Blocks) SizeLocked => (0, 0);

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file) =>
        task.Kernel.Vfs.SpecialFiles.Open(task, this, path, flags, SpecialDevice, out file);
}

/// <summary>A symbolic link.</summary>
internal sealed class TmpfsSymlink : TmpfsInode
{
    private readonly string _target;

    internal TmpfsSymlink(TmpfsSuperBlock superBlock, in CreateContext context, string target)
        : base(superBlock, in context) => _target = target;

    /// <inheritdoc/>
    protected override (long SizeBytes, long Blocks) SizeLocked => (_target.Length, 0);

    /// <inheritdoc/>
    protected override long HeapBytes => HeapBytesOf(_target);

    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string target)
    {
        target = _target;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        return Errno.ELOOP;
    }
}
