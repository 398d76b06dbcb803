using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs.Synthetic;

/// <summary>A file system whose tree is generated: every walk looks up, nothing is stored.</summary>
public abstract class SyntheticSuperBlock : SuperBlock
{
    private readonly long _magic;
    private long _lastNumber = 1;

    protected SyntheticSuperBlock(FileSystemType type, ulong device, long magic)
        : base(type, device)
    {
        _magic = magic;
        StartTimeNs = VirtualFileSystem.NowNs;
    }

    /// <summary>Times of all its inodes.</summary>
    public long StartTimeNs { get; }

    /// <inheritdoc/>
    public override DentryPolicy DentryPolicy => DentryPolicy.NeverCache;

    /// <summary>An inode number for a file that lives as long as the instance, from 2.</summary>
    public ulong NextNumber() => (ulong)Interlocked.Increment(ref _lastNumber);

    /// <inheritdoc/>
    public override Errno GetStatistics(Task task, out FileSystemStatistics statistics)
    {
        statistics = new FileSystemStatistics { Magic = _magic, BlockSizeBytes = 4096, NameLengthMax = 255 };
        return Errno.None;
    }
}
