using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// A file system that is never mounted and only gives anonymous files an inode (Linux's pipefs, sockfs, anon_inodefs;
/// fs/libfs.c init_pseudo).
/// </summary>
public sealed class PseudoSuperBlock : SuperBlock
{
    private readonly long _magic;
    private readonly AnonymousInode _root;
    private long _nextInode;

    /// <summary>
    /// An instance named <paramref name="name"/> with f_type <paramref name="magic"/> on device <paramref
    /// name="device"/>.
    /// </summary>
    public PseudoSuperBlock(string name, long magic, ulong device)
        : base(new PseudoFileSystemType(name), device)
    {
        _magic = magic;
        _root = new AnonymousInode(this, AnonymousInode.DirectoryType | 0x1ED, 0, 0);
    }

    /// <inheritdoc/>
    public override Inode Root => _root;

    /// <inheritdoc/>
    public override DentryPolicy DentryPolicy => DentryPolicy.NeverCache;

    /// <summary>The next inode number, from 1.</summary>
    public ulong NextInode() => (ulong)Interlocked.Increment(ref _nextInode);

    /// <inheritdoc/>
    public override Errno GetStatistics(Task task, out FileSystemStatistics statistics)
    {
        statistics = new FileSystemStatistics { Magic = _magic, BlockSizeBytes = 4096, NameLengthMax = 255 };
        return Errno.None;
    }

    /// <summary>A type that mount(2) refuses, as Linux does for SB_NOUSER file systems.</summary>
    private sealed class PseudoFileSystemType(string name) : FileSystemType
    {
        public override string Name => name;

        public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
        {
            superBlock = null;
            return Errno.EINVAL;
        }
    }
}

/// <summary>The pseudo file systems of one kernel.</summary>
public sealed class PseudoFileSystems
{
    private const long PipeMagic = 0x50495045;
    private const long SocketMagic = 0x534F434B;
    private const long AnonymousMagic = 0x09041934;

    /// <summary>Inodes of pipe(2).</summary>
    public PseudoSuperBlock Pipe { get; } = new("pipefs", PipeMagic, 0xD);

    /// <summary>Inodes of socket(2).</summary>
    public PseudoSuperBlock Socket { get; } = new("sockfs", SocketMagic, 0x8);

    /// <summary>Inodes of eventfd, epoll, timerfd, signalfd, inotify, pidfd.</summary>
    public PseudoSuperBlock Anonymous { get; } = new("anon_inodefs", AnonymousMagic, 0xE);
}
