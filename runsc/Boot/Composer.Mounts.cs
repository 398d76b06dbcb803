using System;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Fs.Cgroup;
using Sentry.Fs.Dev;
using Sentry.Fs.Devpts;
using Sentry.Fs.Gofer;
using Sentry.Fs.Host;
using Sentry.Fs.Overlay;
using Sentry.Fs.Pipe;
using Sentry.Fs.Proc;
using Sentry.Fs.Sys;
using Sentry.Fs.Tmpfs;
using Sentry.Ipc.PosixQueues;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>File systems: which there are, the mounts of the sandbox, the standard streams.</summary>
internal sealed partial class Composer
{
    private const uint DirectoryMode = 0x1ED;
    private const uint FileMode = 0x1A4;

    private SocketTransport? _transport;
    private GoferClient? _gofer;

    private void RegisterFileSystems()
    {
        VirtualFileSystem vfs = Kernel.Vfs;
        TmpfsType tmpfs = new();
        vfs.RegisterFileSystem(tmpfs);
        vfs.RegisterFileSystem(new ProcFileSystem());
        vfs.RegisterFileSystem(new SysFileSystem());
        vfs.RegisterFileSystem(new CgroupFileSystem());
        vfs.RegisterFileSystem(new DevFileSystem(tmpfs));
        vfs.RegisterFileSystem(OverlayFileSystem.Instance);
        MemoryDevices.Register(vfs);
        vfs.SpecialFiles.Fifo = new Fifo();
        vfs.RegisterFileSystem(new PosixQueueFileSystem());
        TtyRegistration.Register(vfs);
    }

    /// <summary>The root: an overlay of the gofer's directory and memory.</summary>
    private string? MountRoot(Task init)
    {
        _transport = new SocketTransport(_spec.GoferFds.ToArray());
        _gofer = new GoferClient(_transport);
        Errno errno = MakeRoot(init, out SuperBlock? root);
        if (errno != Errno.None)
        {
            return "root file system: " + errno;
        }

        MountNamespace mounts = MountNamespace.Create(Kernel.Vfs, root!, 0, Kernel.RootUserNamespace);
        init.SetFileSystem(new FsContext(Kernel.Vfs, mounts.Root.RootPath, mounts.Root.RootPath, 0), mounts);
        return null;
    }

    /// <summary>The mounts in order.</summary>
    private string? MountAll(Task init)
    {
        foreach (SandboxMount mount in _spec.Mounts)
        {
            Errno errno = MountOne(init, init.MountNamespace, mount);
            if (errno != Errno.None)
            {
                string data = mount.Data.Length > 0 ? " with \"" + mount.Data + "\"" : "";
                return "mount " + mount.Type + " on " + mount.Destination + data + ": " + ErrorText.Describe(errno);
            }
        }

        return null;
    }

    private Errno MakeRoot(Task init, out SuperBlock? root)
    {
        root = null;
        bool isOverlay = _spec.RootStorage == RootStorage.Memory;
        GoferMountOptions options = new(isOverlay ? GoferSharing.Exclusive : _spec.RootSharing, "root");
        Errno errno = GoferSuperBlock.Mount(_gofer!, 0, options, Kernel.Vfs.AllocateDevice(),
            out GoferSuperBlock? lower);
        if (errno != Errno.None || !isOverlay)
        {
            root = lower;
            return errno;
        }

        errno = new TmpfsType().Mount(init, "upper", 0, "mode=755", out SuperBlock? upper);
        if (errno != Errno.None)
        {
            return errno;
        }

        return OverlaySuperBlock.Create(init, upper!, [lower!], Kernel.Vfs.AllocateDevice(), out root);
    }

    private Errno MountOne(Task init, MountNamespace mounts, SandboxMount mount)
    {
        Errno errno = MakeSuperBlock(init, mount, out SuperBlock? superBlock);
        if (errno != Errno.None)
        {
            return errno;
        }

        // A tmpfs on /dev gets the devices that every container has (runtime-spec, config-linux.md, "Default Devices").
        bool isDev = mount.Type == "tmpfs" && mount.Destination == "/dev";
        errno = isDev ? DevFileSystem.Populate(init, superBlock!.Root) : Errno.None;
        errno = errno == Errno.None ? MakeMountPoint(init, mount.Destination, superBlock!.Root.FileType) : errno;
        uint flags = (uint)mount.Flags & ~(IsWritableAtFirst(mount) ? MountFlags.MS_RDONLY : 0);
        errno = errno == Errno.None ? mounts.Attach(init, mount.Destination, superBlock!, flags) : errno;
        return errno == Errno.None ? SetPropagation(init, mount.Destination, mount.Propagation) : errno;
    }

    /// <summary>Mount points and nodes are still to be made in it: it becomes read-only at the end.</summary>
    private static bool IsWritableAtFirst(SandboxMount mount) => mount.Type is "tmpfs" or "devtmpfs";

    private Errno SetPropagation(Task init, string path, ulong propagation)
    {
        PropagationType? type = (propagation & ~(ulong)MountFlags.MS_REC) switch
        {
            MountFlags.MS_SHARED => PropagationType.Shared,
            MountFlags.MS_PRIVATE => PropagationType.Private,
            MountFlags.MS_SLAVE => PropagationType.Slave,
            MountFlags.MS_UNBINDABLE => PropagationType.Unbindable,
            _ => null,
        };
        if (type is not { } known)
        {
            return Errno.None;
        }

        MountScope scope = (propagation & MountFlags.MS_REC) != 0 ? MountScope.Recursive : MountScope.Single;
        Errno errno = Find(init, path, out VfsPath place);
        return errno == Errno.None ? Kernel.Vfs.ChangePropagation(init, place, known, scope) : errno;
    }

    private Errno Find(Task init, string path, out VfsPath place) =>
        Kernel.Vfs.Lookup(init, Fcntl.AT_FDCWD, path, LookupFlags.Follow | LookupFlags.NoPermissionChecks, out place);

    private Errno MakeSuperBlock(Task init, SandboxMount mount, out SuperBlock? superBlock)
    {
        superBlock = null;
        if (mount.AttachPoint >= 0)
        {
            GoferMountOptions options = new(_spec.MountSharing, mount.Source);
            ulong device = Kernel.Vfs.AllocateDevice();
            Errno errno = GoferSuperBlock.Mount(_gofer!, (uint)mount.AttachPoint, options, device,
                out GoferSuperBlock? served);
            superBlock = served;
            return errno;
        }

        return Kernel.Vfs.TryGetFileSystem(mount.Type, out FileSystemType? type)
            ? type!.Mount(init, mount.Source, mount.Flags & ~(ulong)MountFlags.MS_RDONLY, mount.Data, out superBlock)
            : Errno.ENODEV;
    }

    /// <summary>Makes what is missing of a mount point, as runc does: directories, and an empty file for a mounted
    /// file.</summary>
    private Errno MakeMountPoint(Task init, string path, uint type)
    {
        Errno errno = Find(init, path, out VfsPath found);
        if (errno == Errno.None)
        {
            // A link that leads to the root: nothing below would be seen any more.
            if (found == init.FsContext.Root)
            {
                return Errno.EBUSY;
            }

            bool isDirectory = found.Dentry.IsDirectory;
            return isDirectory == (type == StatMode.S_IFDIR) ? Errno.None : Errno.ENOTDIR;
        }

        errno = errno == Errno.ENOENT ? MakeParents(init, path) : errno;
        if (errno != Errno.None)
        {
            return errno;
        }

        return type == StatMode.S_IFDIR
            ? Kernel.Vfs.MakeDirectory(init, Fcntl.AT_FDCWD, path, DirectoryMode)
            : Kernel.Vfs.MakeNode(init, Fcntl.AT_FDCWD, path, StatMode.S_IFREG | FileMode, 0, out _);
    }

    private Errno MakeParents(Task init, string path)
    {
        for (int slash = path.IndexOf('/', 1); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            Errno errno = Find(init, path[..slash], out _);
            errno = errno == Errno.ENOENT
                ? Kernel.Vfs.MakeDirectory(init, Fcntl.AT_FDCWD, path.AsSpan(0, slash), DirectoryMode)
                : errno;
            if (errno is not (Errno.None or Errno.EEXIST))
            {
                return errno;
            }
        }

        return Errno.None;
    }

    private string? OpenPreservedFiles(Task init)
    {
        if (_sandbox is not null)
        {
            return null;
        }

        for (int i = 0; i < _spec.PreservedFds.Count; i++)
        {
            // The file system has its own copy.
            using HostFd passed = new(_spec.PreservedFds[i]);
            Errno errno = Install(init, PreservedFiles.First + i, passed.Value);
            if (errno != Errno.None)
            {
                return "descriptor " + (PreservedFiles.First + i) + ": " + ErrorText.Describe(errno);
            }
        }

        return null;
    }

    /// <summary>Gives a process an open file of the host.</summary>
    private Errno Install(Task task, int fd, int hostFd)
    {
        Errno errno = GetHostFiles(out HostFiles? host);
        FileDescription? file = null;
        errno = errno == Errno.None ? host!.Import(hostFd, out file, out _) : errno;
        return errno == Errno.None ? task.FdTable.InstallAt(task, fd, file!, CloseOnExec.No) : errno;
    }

    private string? OpenStandardFiles(Task init)
    {
        if (_spec.Terminal)
        {
            return OpenConsole(init);
        }

        for (int fd = 0; fd < StandardStreams.Count; fd++)
        {
            if ((_spec.ClosedStreams >> fd & 1) != 0)
            {
                continue;
            }

            Errno errno = Install(init, fd, _streams[fd]);
            if (errno is not (Errno.None or Errno.EBADF))
            {
                return "standard stream " + fd + ": " + ErrorText.Describe(errno);
            }
        }

        return null;
    }
}
