using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// The type. The root overlay is made by the composition root from layers it has; guests cannot mount one yet.
/// </summary>
public sealed class OverlayFileSystem : FileSystemType
{
    /// <summary>The one type object.</summary>
    public static OverlayFileSystem Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "overlay";

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = null;
        return Errno.ENODEV;
    }
}
