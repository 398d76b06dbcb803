using System.Runtime.InteropServices;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>Argument of mount_setattr(2) (linux/mount.h, struct mount_attr).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct HostMountAttr
{
    public ulong Set;
    public ulong Clear;
    public ulong Propagation;
    public ulong UserNsFd;
}

/// <summary><c>&lt;sys/mount.h&gt;</c>.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostMount
{
    public const ulong ReadOnly = 1;
    public const ulong NoSuid = 2;
    public const ulong NoDev = 4;
    public const ulong NoExec = 8;
    public const ulong Remount = 32;
    public const ulong Bind = 4096;
    public const ulong Recursive = 16384;
    public const ulong Private = 1 << 18;
    public const ulong Slave = 1 << 19;
    public const int UmountDetach = 2;

    /// <summary>mount(2).</summary>
    public static Errno Mount(string? source, string target, string? type, ulong flags, string? data)
    {
        using var from = new ByteString(source);
        using var to = new ByteString(target);
        using var kind = new ByteString(type);
        using var options = new ByteString(data);
        long r = HostSyscall.Invoke(N.mount, from.Address, to.Address, kind.Address, (nint)flags, options.Address);
        return HostSyscall.ToErrno(r);
    }

    /// <summary>umount2(2).</summary>
    public static Errno Umount2(string target, int flags)
    {
        using var to = new ByteString(target);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.umount2, to.Address, flags));
    }

    /// <summary>open_tree(2).</summary>
    public static Errno OpenTree(int dirFd, string path, uint flags, out int fd)
    {
        using var text = new ByteString(path);
        return HostSyscall.Split(HostSyscall.Invoke(N.open_tree, dirFd, text.Address, (nint)flags), out fd);
    }

    /// <summary>move_mount(2).</summary>
    public static Errno MoveMount(int fromFd, string fromPath, int toFd, string toPath, uint flags)
    {
        using var from = new ByteString(fromPath);
        using var to = new ByteString(toPath);
        long r = HostSyscall.Invoke(N.move_mount, fromFd, from.Address, toFd, to.Address, (nint)flags);
        return HostSyscall.ToErrno(r);
    }

    /// <summary>mount_setattr(2).</summary>
    public static Errno SetAttr(int dirFd, string path, uint flags, in HostMountAttr attr)
    {
        using var text = new ByteString(path);
        // SAFETY: the kernel reads 32 bytes of a pinned structure.
        fixed (HostMountAttr* p = &attr)
        {
            long r = HostSyscall.Invoke(
                N.mount_setattr, dirFd, text.Address, (nint)flags, (nint)p, sizeof(HostMountAttr));
            return HostSyscall.ToErrno(r);
        }
    }

    /// <summary>fsopen(2): a context to configure a new file system with.</summary>
    public static Errno FsOpen(string type, uint flags, out int context)
    {
        using var text = new ByteString(type);
        return HostSyscall.Split(HostSyscall.Invoke(N.fsopen, text.Address, (nint)flags), out context);
    }

    /// <summary>fsconfig(2), FSCONFIG_SET_STRING.</summary>
    public static Errno FsConfigString(int context, string key, string value)
    {
        using var name = new ByteString(key);
        using var text = new ByteString(value);
        return HostSyscall.ToErrno(HostSyscall.Invoke(
            N.fsconfig, context, (nint)MountFlags.FSCONFIG_SET_STRING, name.Address, text.Address));
    }

    /// <summary>fsconfig(2), FSCONFIG_CMD_CREATE.</summary>
    public static Errno FsConfigCreate(int context) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.fsconfig, context, (nint)MountFlags.FSCONFIG_CMD_CREATE));

    /// <summary>fsmount(2): a mount of what was configured, attached nowhere.</summary>
    public static Errno FsMount(int context, uint flags, uint attributes, out int mount) =>
        HostSyscall.Split(HostSyscall.Invoke(N.fsmount, context, (nint)flags, (nint)attributes), out mount);
}
