using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>
/// One host directory (or single file) that is served, as a descriptor that names it. The descriptor is all the
/// server has: it never opens a path of the host.
/// </summary>
public sealed class AttachPoint(int fd, AttachFlags flags)
{
    private const uint OpenTreeClone = 1;
    private const uint AtRecursive = 0x8000;
    private const uint AtEmptyPath = 0x1000;

    /// <summary>O_PATH descriptor of the root; owned.</summary>
    public int Fd { get; } = fd;

    /// <summary>What clients may do below it.</summary>
    public AttachFlags Flags { get; } = flags;

    /// <summary>
    /// Opens a host path (symbolic links of the path itself are followed: the caller names what it means).
    /// </summary>
    public static Errno Open(string path, AttachFlags flags, out AttachPoint? attachPoint)
    {
        attachPoint = null;
        Errno error = HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, HostFcntl.Path | HostFcntl.CloseOnExec, 0, out int fd);
        if (error == Errno.None)
        {
            attachPoint = new AttachPoint(fd, flags);
        }

        return error;
    }

    /// <summary>
    /// As <see cref="Open"/>, but on a detached copy of the mount (open_tree(2)) that is nosuid, nodev,
    /// and read-only if so asked: the host kernel then enforces the flags too, and nothing
    /// outside the copy can be reached from the descriptor. Needs CAP_SYS_ADMIN.
    /// </summary>
    public static Errno OpenDetached(string path, AttachFlags flags, Submounts submounts, out AttachPoint? attachPoint)
    {
        attachPoint = null;
        uint recursive = submounts == Submounts.Include ? AtRecursive : 0;
        uint treeFlags = OpenTreeClone | (uint)HostFcntl.CloseOnExec | recursive;
        Errno error = HostMount.OpenTree(HostFcntl.AtFdCwd, path, treeFlags, out int fd);
        if (error != Errno.None)
        {
            return error;
        }

        ulong set = MountFlags.MOUNT_ATTR_NOSUID | MountFlags.MOUNT_ATTR_NODEV;
        set |= (flags & AttachFlags.ReadOnly) != 0 ? MountFlags.MOUNT_ATTR_RDONLY : 0;
        HostMountAttr attributes = new() { Set = set, Propagation = MountFlags.MS_PRIVATE };
        error = HostMount.SetAttr(fd, "", AtEmptyPath | recursive, attributes);
        if (error != Errno.None)
        {
            HostUnistd.Close(fd);
            return error;
        }

        attachPoint = new AttachPoint(fd, flags);
        return Errno.None;
    }
}

/// <summary>Are mounts below an attach point served too (bind or rbind)?</summary>
public enum Submounts
{
    Exclude,
    Include,
}
