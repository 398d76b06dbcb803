using Abi.Linux;
using Sentry.Kernel;
using Sentry.Tty;
using Sentry.Vfs;

namespace Sentry.Fs.Devpts;

/// <summary>/dev/tty (5, 0): the caller's controlling terminal, whichever it is. ENXIO without one (tty(4)).</summary>
public sealed class ControllingTerminalDevice : ISpecialFileFactory
{
    /// <inheritdoc/>
    public Errno Open(Task task, Inode inode, VfsPath path, int flags, ulong device, out FileDescription? file)
    {
        file = null;
        return task.ThreadGroup.Session.Terminal is Terminal terminal
            ? PtySlave.Open(task, terminal, inode, flags | Fcntl.O_NOCTTY, out file)
            : Errno.ENXIO;
    }
}

/// <summary>
/// /dev/ptmx (5, 2) outside devpts: makes a terminal of the devpts mounted at pts beside the node (devpts.rst).
/// </summary>
public sealed class PtmxDevice : ISpecialFileFactory
{
    /// <inheritdoc/>
    public Errno Open(Task task, Inode inode, VfsPath path, int flags, ulong device, out FileDescription? file)
    {
        file = null;
        if (path.Dentry.Parent is not { } directory)
        {
            return Errno.ENODEV;
        }

        VfsPath start = new(path.Mount, directory);
        VfsPath root = task.FsContext.Root;
        const LookupFlags Flags = LookupFlags.Follow | LookupFlags.NoPermissionChecks;
        Errno error = task.Kernel.Vfs.LookupAt(task, start, root, "pts", Flags, out VfsPath place);
        if (error != Errno.None || place.Dentry.SuperBlock is not DevptsSuperBlock terminals)
        {
            return Errno.ENODEV;
        }

        return PtyMaster.Open(task, terminals, place.Mount, inode, flags, out file);
    }
}

/// <summary>What the composition root calls.</summary>
public static class TtyRegistration
{
    /// <summary>Registers the terminal devices.</summary>
    public static void Register(VirtualFileSystem vfs)
    {
        vfs.RegisterFileSystem(new DevptsFileSystem());
        vfs.SpecialFiles.RegisterCharacterDevice(5, 0, new ControllingTerminalDevice());
        vfs.SpecialFiles.RegisterCharacterDevice(5, 2, new PtmxDevice());
    }
}
