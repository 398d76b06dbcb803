using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>proc(5): shows the processes of the PID namespace of the task that mounts it.</summary>
public sealed class ProcFileSystem : FileSystemType
{
    /// <inheritdoc/>
    public override string Name => "proc";

    /// <inheritdoc/>
    public override UserNamespace MountOwner(Task task) => task.PidNamespace.Owner;

    /// <inheritdoc/>
    public override bool NeedsVisibleInstance => true;

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = new ProcSuperBlock(this, task.Kernel, task.PidNamespace, source)
        {
            UserNamespace = MountOwner(task),
        };
        return Errno.None;
    }
}

/// <summary>One instance of proc.</summary>
public sealed class ProcSuperBlock : SyntheticSuperBlock
{
    private const long ProcMagic = 0x9fa0;
    private const int TaskNumberShift = 12;

    private const long NamespaceMagic = 0x6e736673;

    private readonly ProcRoot _root;
    private readonly PseudoSuperBlock _namespaces;

    internal ProcSuperBlock(FileSystemType type, GuestKernel kernel, PidNamespace pids, string source)
        : base(type, kernel.Vfs.AllocateDevice(), ProcMagic)
    {
        Kernel = kernel;
        Pids = pids;
        Source = source;
        _namespaces = new PseudoSuperBlock("nsfs", NamespaceMagic, kernel.Vfs.AllocateDevice());
        _root = new ProcRoot(this);
    }

    /// <summary>The kernel shown.</summary>
    internal GuestKernel Kernel { get; }

    /// <summary>Namespace whose numbers name the directories.</summary>
    internal PidNamespace Pids { get; }

    /// <inheritdoc/>
    public override Inode Root => _root;

    /// <summary>A place for a namespace's file, reachable through magic links only.</summary>
    internal VfsPath NamespacePlace(INamespace shown)
    {
        NamespaceInode inode = new(_namespaces, shown);
        return new NamespaceFile(inode, shown, default, 0).GetPath();
    }

    /// <summary>Stable inode number of file <paramref name="index"/> (below 4096) of task <paramref name="tid"/>; bit
    /// 62 keeps them apart from fixed ones.</summary>
    internal static ulong TaskNumber(int tid, int index, ulong extra = 0) =>
        1UL << 62 | extra << 40 | (ulong)(uint)tid << TaskNumberShift | (uint)index;
}
