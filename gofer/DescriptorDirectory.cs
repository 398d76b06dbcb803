using Abi.Linux;
using HostOs;

namespace Gofer;

/// <summary>
/// The directory /proc/self/fd as a descriptor, through which an O_PATH descriptor is opened again. It comes from a
/// procfs instance of its own that shows nothing but the processes of this PID namespace and is read-only: whoever
/// takes the process over finds no /proc/sys there.
/// </summary>
public static class DescriptorDirectory
{
    private const uint MountAttributes = (uint)(MountFlags.MOUNT_ATTR_RDONLY | MountFlags.MOUNT_ATTR_NOSUID
        | MountFlags.MOUNT_ATTR_NODEV | MountFlags.MOUNT_ATTR_NOEXEC);

    private const int Flags = HostFcntl.Path | HostFcntl.Directory | HostFcntl.CloseOnExec;

    /// <summary>
    /// Opens it. Where a new instance may not be made (a user namespace whose /proc is partly hidden), the visible
    /// one serves.
    /// </summary>
    public static Errno Open(out int fd)
    {
        Errno error = OpenOwn(out fd);
        return error == Errno.None ? error : HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/proc/self/fd", Flags, 0, out fd);
    }

    private static Errno OpenOwn(out int fd)
    {
        fd = -1;
        Errno error = HostMount.FsOpen("proc", MountFlags.FSOPEN_CLOEXEC, out int context);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostMount.FsConfigString(context, "subset", "pid");
        error = error == Errno.None ? HostMount.FsConfigCreate(context) : error;
        int mount = -1;
        error = error == Errno.None
            ? HostMount.FsMount(context, MountFlags.FSMOUNT_CLOEXEC, MountAttributes, out mount)
            : error;
        HostUnistd.Close(context);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostFcntl.OpenAt(mount, "self/fd", Flags, 0, out fd);
        HostUnistd.Close(mount);
        return error;
    }
}
