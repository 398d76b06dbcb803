using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// The type of host directories served by a gofer. Guests cannot mount it: which host directories there are is
/// decided when the sandbox is made.
/// </summary>
public sealed class GoferFileSystem : FileSystemType
{
    private GoferFileSystem(string name) => Name = name;

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>
    /// The type of an instance. One that is shared with the host calls itself a FUSE file system: programs know that
    /// such a one changes without inotify(7) telling, and look for themselves (tail -f).
    /// </summary>
    internal static GoferFileSystem Exclusive { get; } = new("gofer");

    /// <summary>See <see cref="Exclusive"/>.</summary>
    internal static GoferFileSystem Shared { get; } = new("fuse.gofer");

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = null;
        return Errno.EPERM;
    }
}

/// <summary>Who else changes the served files.</summary>
public enum GoferSharing
{
    /// <summary>Nobody: names and attributes are cached for good.</summary>
    Exclusive,

    /// <summary>Processes of the host may: names and attributes are asked for at every use.</summary>
    Shared,
}

/// <summary>Choices of one mount.</summary>
public readonly record struct GoferMountOptions(GoferSharing Sharing, string Source)
{
    /// <summary>
    /// How old a time of change must be for a later change to have another: file systems count in nanoseconds to
    /// (FAT) two seconds.
    /// </summary>
    public long SettleNs { get; init; } = 3_000_000_000;
}
