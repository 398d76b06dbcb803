using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Dev;

/// <summary>
/// "devtmpfs": an instance of a memory file system, shared by all its mounts as on Linux, with the nodes every program
/// expects. The memory file system is
/// the composition root's choice.
/// </summary>
public sealed class DevFileSystem : FileSystemType
{
    private const uint WorldReadWrite = 0x1B6;

    private readonly FileSystemType _memoryFileSystem;
    private SuperBlock? _instance;

    /// <summary>Instances are made by <paramref name="memoryFileSystem"/> (tmpfs).</summary>
    public DevFileSystem(FileSystemType memoryFileSystem) => _memoryFileSystem = memoryFileSystem;

    /// <inheritdoc/>
    public override string Name => "devtmpfs";

    /// <inheritdoc/>
    public override Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock)
    {
        superBlock = Volatile.Read(ref _instance);
        if (superBlock is not null)
        {
            return Errno.None;
        }

        Errno errno = _memoryFileSystem.Mount(task, source, flags, "mode=755", out SuperBlock? made);
        errno = errno != Errno.None ? errno : Populate(task, made!.Root);
        if (errno != Errno.None)
        {
            return errno;
        }

        // Two mounts at once: the first that is complete is the instance, the other was never seen.
        superBlock = Interlocked.CompareExchange(ref _instance, made, null) ?? made;
        if (superBlock != made)
        {
            made!.Release();
        }

        return Errno.None;
    }

    /// <summary>
    /// Makes the standard nodes, links and directories in an empty directory, as runc does in /dev of a container.
    /// </summary>
    public static Errno Populate(Task task, Inode directory)
    {
        const uint TtyMajor = Major.TTYAUX_MAJOR;
        Errno errno = AddDevice(task, directory, "null", Major.MEM_MAJOR, MemoryDevices.Null);
        errno = errno != Errno.None ? errno : AddDevice(task, directory, "zero", Major.MEM_MAJOR, MemoryDevices.Zero);
        errno = errno != Errno.None ? errno : AddDevice(task, directory, "full", Major.MEM_MAJOR, MemoryDevices.Full);
        errno = errno != Errno.None
            ? errno
            : AddDevice(task, directory, "random", Major.MEM_MAJOR, MemoryDevices.Random);
        errno = errno != Errno.None
            ? errno
            : AddDevice(task, directory, "urandom", Major.MEM_MAJOR, MemoryDevices.Urandom);
        errno = errno != Errno.None ? errno : AddDevice(task, directory, "tty", TtyMajor, 0);
        errno = errno != Errno.None ? errno : AddLinks(task, directory);
        errno = errno != Errno.None ? errno : AddDirectory(task, directory, "pts", 0x1ED);
        errno = errno != Errno.None ? errno : AddDirectory(task, directory, "mqueue", 0x3FF);
        return errno != Errno.None ? errno : AddDirectory(task, directory, "shm", 0x3FF);
    }

    private static Errno AddLinks(Task task, Inode directory)
    {
        Errno errno = AddLink(task, directory, "fd", "/proc/self/fd");
        errno = errno != Errno.None ? errno : AddLink(task, directory, "stdin", "/proc/self/fd/0");
        errno = errno != Errno.None ? errno : AddLink(task, directory, "stdout", "/proc/self/fd/1");
        errno = errno != Errno.None ? errno : AddLink(task, directory, "stderr", "/proc/self/fd/2");
        return errno != Errno.None ? errno : AddLink(task, directory, "ptmx", "pts/ptmx");
    }

    private static Errno AddDevice(Task task, Inode directory, string name, uint major, uint minor)
    {
        CreateContext context = new(task, StatMode.S_IFCHR | WorldReadWrite, 0, 0);
        return directory.MakeNode(in context, name, VirtualFileSystem.MakeDevice(major, minor), out _);
    }

    private static Errno AddLink(Task task, Inode directory, string name, string target)
    {
        CreateContext context = new(task, StatMode.S_IFLNK | 0x1FF, 0, 0);
        return directory.MakeSymlink(in context, name, target, out _);
    }

    private static Errno AddDirectory(Task task, Inode directory, string name, uint mode)
    {
        CreateContext context = new(task, StatMode.S_IFDIR | mode, 0, 0);
        return directory.MakeDirectory(in context, name, out _);
    }
}
