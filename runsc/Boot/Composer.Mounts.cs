using System;
using Abi.Linux;
using Runsc.Sandbox;
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

    private GoferClient? _gofer;

    private void RegisterFileSystems()
    {
        VirtualFileSystem vfs = Kernel.Vfs;
        TmpfsType tmpfs = new();
        vfs.RegisterFileSystem(tmpfs);
        vfs.RegisterFileSystem(new ProcFileSystem());
        vfs.RegisterFileSystem(new SysFileSystem());
        vfs.RegisterFileSystem(new DevFileSystem(tmpfs));
        vfs.RegisterFileSystem(OverlayFileSystem.Instance);
        MemoryDevices.Register(vfs);
        vfs.SpecialFiles.Fifo = new Fifo();
        vfs.RegisterFileSystem(new PosixQueueFileSystem());
        TtyRegistration.Register(vfs);
    }

    /// <summary>The root (an overlay of the gofer's directory and memory), then the mounts in order.</summary>
    private string? MountAll(Task init)
    {
        _gofer = new GoferClient(new SocketTransport(_spec.GoferFds.ToArray()));
        Errno errno = MakeRoot(init, out SuperBlock? root);
        if (errno != Errno.None)
        {
            return "root file system: " + errno;
        }

        MountNamespace mounts = MountNamespace.Create(Kernel.Vfs, root!, 0, Kernel.RootUserNamespace);
        FsContext places = new(Kernel.Vfs, mounts.Root.RootPath, mounts.Root.RootPath, _spec.Umask);
        init.SetFileSystem(places, mounts);
        foreach (SandboxMount mount in _spec.Mounts)
        {
            errno = MountOne(init, mounts, mount);
            if (errno != Errno.None)
            {
                return "mount " + mount.Type + " on " + mount.Destination + ": " + errno;
            }
        }

        return EnterWorkingDirectory(init, places);
    }

    private Errno MakeRoot(Task init, out SuperBlock? root)
    {
        root = null;
        GoferMountOptions options = new(GoferSharing.Exclusive, "root");
        Errno errno = GoferSuperBlock.Mount(_gofer!, 0, options, Kernel.Vfs.AllocateDevice(),
            out GoferSuperBlock? lower);
        if (errno != Errno.None)
        {
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
        return errno != Errno.None ? errno : mounts.Attach(init, mount.Destination, superBlock!, (uint)mount.Flags);
    }

    private Errno MakeSuperBlock(Task init, SandboxMount mount, out SuperBlock? superBlock)
    {
        superBlock = null;
        if (mount.AttachPoint >= 0)
        {
            GoferMountOptions options = new(GoferSharing.Shared, mount.Source);
            ulong device = Kernel.Vfs.AllocateDevice();
            Errno errno = GoferSuperBlock.Mount(_gofer!, (uint)mount.AttachPoint, options, device,
                out GoferSuperBlock? served);
            superBlock = served;
            return errno;
        }

        return Kernel.Vfs.TryGetFileSystem(mount.Type, out FileSystemType? type)
            ? type!.Mount(init, mount.Source, mount.Flags, mount.Data, out superBlock)
            : Errno.ENODEV;
    }

    /// <summary>Makes what is missing of a mount point, as runc does: directories, and an empty file for a mounted
    /// file.</summary>
    private Errno MakeMountPoint(Task init, string path, uint type)
    {
        VirtualFileSystem vfs = Kernel.Vfs;
        for (int slash = path.IndexOf('/', 1); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            Errno errno = vfs.MakeDirectory(init, Fcntl.AT_FDCWD, path.AsSpan(0, slash), DirectoryMode);
            if (errno is not (Errno.None or Errno.EEXIST))
            {
                return errno;
            }
        }

        Errno found = vfs.Lookup(init, Fcntl.AT_FDCWD, path, LookupFlags.Follow, out _);
        if (found != Errno.ENOENT)
        {
            return found;
        }

        return type == StatMode.S_IFDIR
            ? vfs.MakeDirectory(init, Fcntl.AT_FDCWD, path, DirectoryMode)
            : vfs.MakeNode(init, Fcntl.AT_FDCWD, path, StatMode.S_IFREG | FileMode, 0, out _);
    }

    private string? EnterWorkingDirectory(Task init, FsContext places)
    {
        Errno errno = Kernel.Vfs.Lookup(init, Fcntl.AT_FDCWD, _spec.WorkingDirectory, LookupFlags.Follow
            | LookupFlags.Directory, out VfsPath path);
        if (errno != Errno.None)
        {
            return "working directory " + _spec.WorkingDirectory + ": " + Describe(errno);
        }

        places.SetWorkingDirectory(path);
        return null;
    }

    private string? OpenStandardFiles(Task init)
    {
        if (_spec.Terminal)
        {
            return OpenConsole(init);
        }

        Errno errno = HostNotifier.Create(out HostNotifier? notifier);
        if (errno != Errno.None)
        {
            return "standard streams: " + errno;
        }

        HostFiles host = new(notifier!, Kernel.Vfs.AllocateDevice());
        for (int fd = 0; fd < 3; fd++)
        {
            errno = host.Import(fd, out FileDescription? file, out HostTerminal? terminal);
            if (errno == Errno.EBADF)
            {
                continue;
            }

            errno = errno == Errno.None ? init.FdTable.InstallAt(init, fd, file!, CloseOnExec.No) : errno;
            if (errno != Errno.None)
            {
                return "standard stream " + fd + ": " + errno;
            }
        }

        return null;
    }

    /// <summary>Acts on a message of the launcher.</summary>
    internal void Handle(ControlMessage message)
    {
        if (message.Kind == ControlKind.Signal)
        {
            Kernel.SignalInit(message.Number);
        }
        else if (message.Kind == ControlKind.WindowSize)
        {
            Resize(message.Rows, message.Columns);
        }
    }

    /// <summary>Waits until what the container wrote has reached the caller's streams.</summary>
    internal void DrainOutput() => _console?.Dispose();
}
