using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using static Abi.Linux.StatMode;

namespace Sentry.Fs.Proc;

/// <summary>The file that stands for a namespace (Linux's nsfs): what /proc/PID/ns/NAME leads to and setns(2)
/// takes.</summary>
internal sealed class NamespaceInode(SuperBlock superBlock, INamespace shown) : Inode(superBlock)
{
    /// <inheritdoc/>
    public override uint FileType => S_IFREG;

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        attributes = new InodeAttributes
        {
            Mode = S_IFREG | 0x124,
            LinkCount = 1,
            Inode = shown.InodeNumber,
            Device = SuperBlock.Device,
            BlockSizeBytes = 4096,
        };
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new NamespaceFile(this, shown, path, flags);
        return Errno.None;
    }
}

/// <summary>An open namespace file.</summary>
internal sealed class NamespaceFile : FileDescription, INamespaceFile
{
    private readonly NamespaceInode _inode;

    internal NamespaceFile(NamespaceInode inode, INamespace shown, VfsPath path, int flags)
    {
        _inode = inode;
        Namespace = shown;
        Path = path;
        Flags = flags;
    }

    /// <inheritdoc/>
    public INamespace Namespace { get; }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => NameOf(Namespace);

    /// <summary>"uts:[4026531838]".</summary>
    internal static string NameOf(INamespace shown) => Prefix(shown.Kind) + ":[" + shown.InodeNumber + "]";

    private static string Prefix(NamespaceKind kind) => kind switch
    {
        NamespaceKind.Mount => "mnt",
        _ => kind.ToString().ToLowerInvariant(),
    };
}
