using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// The type. The root overlay is made by the composition root from layers it has; guests cannot mount one yet.
/// </summary>
public sealed class OverlayFileSystem : FileSystemType
{
    private const uint DirectoryMode = 0x1ed;

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

    /// <summary>
    /// An overlay whose upper layer is a fresh writable file system: makes the directories "upper" and "work" in
    /// its root. The root of the overlay gets owner and mode of the first lower layer.
    /// </summary>
    public static Errno Create(
        Task task, SuperBlock writable, Inode[] lowers, ulong device, out OverlaySuperBlock? superBlock)
    {
        superBlock = null;
        Errno error = lowers[0].GetAttributes(out InodeAttributes root);
        if (error != Errno.None)
        {
            return error;
        }

        CreateContext context = new(task, StatMode.S_IFDIR | (root.Mode & ~StatMode.S_IFMT), root.Uid, root.Gid);
        error = writable.Root.MakeDirectory(context, "upper", out Inode? upper);
        if (error != Errno.None)
        {
            return error;
        }

        context = new CreateContext(task, StatMode.S_IFDIR | DirectoryMode, 0, 0);
        error = writable.Root.MakeDirectory(context, "work", out Inode? work);
        if (error == Errno.None)
        {
            superBlock = new OverlaySuperBlock(
                new OverlayLayers { Upper = upper, Work = work, Lowers = lowers }, device);
        }

        return error;
    }
}
