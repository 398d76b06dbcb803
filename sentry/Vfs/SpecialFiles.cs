using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Opens files of one special kind, whatever file system the node is in.</summary>
public interface ISpecialFileFactory
{
    /// <summary>
    /// Opens the node; <paramref name="device"/> is its number (0 for FIFOs). May block; no VFS lock is held.
    /// </summary>
    Errno Open(Task task, Inode inode, VfsPath path, int flags, ulong device, out FileDescription? file);
}

/// <summary>
/// Who opens FIFOs and device nodes. The composition root registers; file systems call <see cref="Open"/> from <see
/// cref="Inode.Open"/> for
/// nodes that are not regular files, directories or links.
/// </summary>
public sealed class SpecialFiles
{
    private readonly Dictionary<ulong, ISpecialFileFactory> _characterDevices = [];
    private readonly Dictionary<uint, ISpecialFileFactory> _characterMajors = [];

    /// <summary>Opens FIFOs.</summary>
    public ISpecialFileFactory? Fifo { get; set; }

    /// <summary>Registers one character device.</summary>
    public void RegisterCharacterDevice(uint major, uint minor, ISpecialFileFactory factory) =>
        _characterDevices.Add(VirtualFileSystem.MakeDevice(major, minor), factory);

    /// <summary>Registers every minor of a major that has no entry of its own.</summary>
    public void RegisterCharacterMajor(uint major, ISpecialFileFactory factory) => _characterMajors.Add(major, factory);

    /// <summary>Opens a special file: ENXIO for sockets, block devices and devices nobody drives.</summary>
    public Errno Open(Task task, Inode inode, VfsPath path, int flags, ulong device, out FileDescription? file)
    {
        file = null;
        ISpecialFileFactory? factory = inode.FileType switch
        {
            StatMode.S_IFIFO => Fifo,
            StatMode.S_IFCHR => FindDevice(device),
            _ => null,
        };
        return factory is null ? Errno.ENXIO : factory.Open(task, inode, path, flags, device, out file);
    }

    private ISpecialFileFactory? FindDevice(ulong device)
    {
        if (_characterDevices.TryGetValue(device, out ISpecialFileFactory? factory))
        {
            return factory;
        }

        return _characterMajors.GetValueOrDefault(VirtualFileSystem.Major(device));
    }
}
