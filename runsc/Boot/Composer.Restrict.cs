using System;
using System.Text;
using Abi.Linux;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>What comes after the mounts, in runc's order: nodes, settings, and then what the container must not change
/// or see.</summary>
internal sealed partial class Composer
{
    private const string MaskingFile = "/dev/null";
    private const string MaskingDirectory = "size=4k,nr_inodes=2,mode=555";

    private string? MakeDevices(Task init)
    {
        foreach (DeviceNode device in _spec.Devices)
        {
            Errno errno = MakeDevice(init, device);
            if (errno != Errno.None)
            {
                return "device " + device.Path + ": " + ErrorText.Describe(errno);
            }
        }

        return null;
    }

    /// <summary>What is there already stays, as with runc.</summary>
    private Errno MakeDevice(Task init, DeviceNode device)
    {
        Errno errno = MakeParents(init, device.Path);
        ulong number = VirtualFileSystem.MakeDevice(device.Major, device.Minor);
        errno = errno == Errno.None
            ? Kernel.Vfs.MakeNode(init, Fcntl.AT_FDCWD, device.Path, device.Mode, number, out _)
            : errno;
        if (errno == Errno.EEXIST)
        {
            return Errno.None;
        }

        bool isOwned = device.Uid != 0 || device.Gid != 0;
        if (errno != Errno.None || !isOwned)
        {
            return errno;
        }

        errno = Find(init, device.Path, out VfsPath made);
        return errno == Errno.None ? Kernel.Vfs.ChangeOwner(init, made, device.Uid, device.Gid) : errno;
    }

    /// <summary>linux.sysctl: a setting that is what is asked for already need not be writable.</summary>
    private string? WriteSettings(Task init)
    {
        for (int i = 0; i < _spec.Sysctls.Count; i += 2)
        {
            string path = "/proc/sys/" + _spec.Sysctls[i];
            string value = _spec.Sysctls[i + 1];
            if (Normalized(ReadSmallFile(init, path)) == Normalized(value))
            {
                continue;
            }

            Errno errno = WriteFile(init, path, value);

            // Engines set some of these always; a sandbox without a network has none of them.
            bool isOfNoNetwork = errno == Errno.ENOENT
                && _spec.Sysctls[i].StartsWith("net/", StringComparison.Ordinal);
            if (errno != Errno.None && !isOfNoNetwork)
            {
                return "linux.sysctl: " + _spec.Sysctls[i] + ": cannot be set to " + value + ": "
                    + ErrorText.Describe(errno);
            }
        }

        return null;
    }

    private static string Normalized(string text) => text.Trim().Replace('\t', ' ');

    private Errno WriteFile(Task init, string path, string text)
    {
        // Checked: a setting that is only shown has mode 444 and says so.
        Errno errno = Find(init, path, out VfsPath place);
        const uint AnyWrite = 0x92;
        bool isWritable = errno == Errno.None
            && place.Dentry.Inode!.GetAttributes(out InodeAttributes attributes) == Errno.None
            && (attributes.Mode & AnyWrite) != 0;
        if (!isWritable)
        {
            return errno == Errno.None ? Errno.EPERM : errno;
        }

        OpenRequest request = new(Fcntl.O_WRONLY, 0, LookupFlags.NoPermissionChecks);
        errno = Kernel.Vfs.OpenPath(init, place, request, out FileDescription? file);
        if (errno != Errno.None)
        {
            return errno;
        }

        IoSequence source = IoSequence.FromBuffer(Encoding.Latin1.GetBytes(text));
        errno = file!.Write(init, ref source, out _);
        file.DropReference(init);
        return errno;
    }

    private string? Restrict(Task init)
    {
        Errno errno = SetPropagation(init, "/", _spec.RootPropagation);
        if (errno != Errno.None)
        {
            return "linux.rootfsPropagation: " + ErrorText.Describe(errno);
        }

        foreach (string path in _spec.ReadOnlyPaths)
        {
            errno = MakeReadOnly(init, path);
            if (errno is not (Errno.None or Errno.ENOENT or Errno.ENOTDIR))
            {
                return "linux.readonlyPaths: " + path + ": " + ErrorText.Describe(errno);
            }
        }

        foreach (string path in _spec.MaskedPaths)
        {
            errno = Mask(init, path);
            if (errno is not (Errno.None or Errno.ENOENT or Errno.ENOTDIR))
            {
                return "linux.maskedPaths: " + path + ": " + ErrorText.Describe(errno);
            }
        }

        foreach (SandboxMount mount in _spec.Mounts)
        {
            bool becomesReadOnly = IsWritableAtFirst(mount) && (mount.Flags & MountFlags.MS_RDONLY) != 0;
            errno = becomesReadOnly ? RemountReadOnly(init, mount.Destination) : Errno.None;
            if (errno != Errno.None)
            {
                return "mount on " + mount.Destination + ": " + ErrorText.Describe(errno);
            }
        }

        string? problem = MakeWorkingDirectory(init);
        if (problem is not null)
        {
            return problem;
        }

        errno = _spec.RootReadOnly ? RemountReadOnly(init, "/") : Errno.None;
        return errno == Errno.None ? null : "root file system: " + ErrorText.Describe(errno);
    }

    private Errno RemountReadOnly(Task init, string path)
    {
        Errno errno = Find(init, path, out VfsPath place);
        return errno == Errno.None
            ? Kernel.Vfs.RemountBind(init, place, place.Mount.Flags | MountFlags.MS_RDONLY)
            : errno;
    }

    private Errno MakeReadOnly(Task init, string path)
    {
        Errno errno = Find(init, path, out VfsPath place);
        errno = errno == Errno.None ? Kernel.Vfs.Bind(init, place, place, MountScope.Recursive) : errno;
        return errno == Errno.None ? RemountReadOnly(init, path) : errno;
    }

    private Errno Mask(Task init, string path)
    {
        Errno errno = Find(init, path, out VfsPath place);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (place.Dentry.IsDirectory)
        {
            const uint ReadOnly = MountFlags.MS_RDONLY;
            return Kernel.Vfs.MountNew(init, place, "tmpfs", "tmpfs", 0, ReadOnly, MaskingDirectory);
        }

        errno = Find(init, MaskingFile, out VfsPath nothing);
        return errno == Errno.None ? Kernel.Vfs.Bind(init, nothing, place, MountScope.Single) : errno;
    }

    private string? MakeWorkingDirectory(Task init)
    {
        string path = _spec.WorkingDirectory;
        if (_spec.Kind != SandboxKind.Container || Find(init, path, out _) != Errno.ENOENT)
        {
            return null;
        }

        Errno errno = MakeParents(init, path);
        errno = errno == Errno.None
            ? Kernel.Vfs.MakeDirectory(init, Fcntl.AT_FDCWD, path, DirectoryMode)
            : errno;
        return errno is Errno.None or Errno.EEXIST ? null
            : "process.cwd: " + path + ": is not there and cannot be made: " + ErrorText.Describe(errno);
    }

    private string? EnterWorkingDirectory(Task task, SandboxSpec spec)
    {
        Errno errno = Find(task, spec.WorkingDirectory, out VfsPath path);
        errno = errno == Errno.None && !path.Dentry.IsDirectory ? Errno.ENOTDIR : errno;
        if (errno != Errno.None)
        {
            return "working directory " + spec.WorkingDirectory + ": " + ErrorText.Describe(errno);
        }

        task.FsContext.SetWorkingDirectory(path);
        return null;
    }
}
