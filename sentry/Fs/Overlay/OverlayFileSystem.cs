using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// The type: the composition root makes the root overlay from layers it has, guests mount others over directories they
/// name (Documentation/filesystems/overlayfs.rst).
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
        Errno error = OverlayOptions.Parse(data, out OverlayOptions? options);
        if (error == Errno.None)
        {
            error = options!.FindLayers(task, out OverlayLayers? layers);
            error = error == Errno.None && !OverlaySuperBlock.MayStand(layers!) ? Errno.EINVAL : error;
            superBlock = error == Errno.None ? Make(task, source, layers!, options) : null;
        }

        return error;
    }

    private OverlaySuperBlock Make(Task task, string source, OverlayLayers layers, OverlayOptions options)
    {
        OverlaySuperBlock made = new(layers, task.Kernel.Vfs.AllocateDevice(), options.ToMountOptions())
        {
            Source = source,
            UserNamespace = task.Credentials.UserNamespace,
        };
        made.Flags |= layers.Upper is null ? (ulong)MountFlags.MS_RDONLY : 0;
        return made;
    }
}
