using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Dev;

/// <summary>The character devices of major 1 (drivers/char/mem.c): null, zero, full, random, urandom.</summary>
public sealed class MemoryDevices : ISpecialFileFactory
{
    internal const uint Null = 3;
    internal const uint Zero = 5;
    internal const uint Full = 7;
    internal const uint Random = 8;
    internal const uint Urandom = 9;

    /// <summary>Makes the devices known to the VFS.</summary>
    public static void Register(VirtualFileSystem vfs) =>
        vfs.SpecialFiles.RegisterCharacterMajor(Major.MEM_MAJOR, new MemoryDevices());

    /// <inheritdoc/>
    public Errno Open(Task task, Inode inode, VfsPath path, int flags, ulong device, out FileDescription? file)
    {
        file = VirtualFileSystem.Minor(device) switch
        {
            Null => new NullDescription(inode, path),
            Zero => new ZeroDescription(inode, path, DeviceWrites.Swallow),
            Full => new ZeroDescription(inode, path, DeviceWrites.NoSpace),
            Random or Urandom => new RandomDescription(inode, path),
            _ => null,
        };
        return file is null ? Errno.ENXIO : Errno.None;
    }
}

/// <summary>What a device does with what is written to it.</summary>
internal enum DeviceWrites
{
    /// <summary>Accepts and forgets it.</summary>
    Swallow,

    /// <summary>Says ENOSPC.</summary>
    NoSpace,
}
