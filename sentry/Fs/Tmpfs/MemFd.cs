using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>Files of memfd_create(2): regular files of an instance that is mounted nowhere, with seals.</summary>
public static class MemFd
{
    private const uint AllPermissions = 0x1FF;
    private const uint NoExecutePermissions = 0x1B6;

    /// <summary>
    /// Makes and opens a file that /proc shows as "/memfd:NAME (deleted)". Without MFD_ALLOW_SEALING it is sealed
    /// against seals; MFD_NOEXEC_SEAL
    /// takes the execute bits and seals them away.
    /// </summary>
    public static Errno Create(Task task, string name, uint flags, out FileDescription? file)
    {
        file = null;
        TmpfsSuperBlock instance = Instance(task);
        bool noExecute = (flags & Memfd.MFD_NOEXEC_SEAL) != 0;
        uint mode = StatMode.S_IFREG | (noExecute ? NoExecutePermissions : AllPermissions);
        CreateContext context = new(task, mode, task.Credentials.FsUid, task.Credentials.FsGid);
        Errno errno = instance.Root.MakeUnnamed(in context, out Inode? inode);
        if (errno != Errno.None)
        {
            return errno;
        }

        TmpfsFile made = (TmpfsFile)inode!;
        made.IsSealable = true;
        bool sealable = noExecute || (flags & Memfd.MFD_ALLOW_SEALING) != 0;
        uint seals = (sealable ? 0 : (uint)Fcntl.F_SEAL_SEAL) | (noExecute ? (uint)Fcntl.F_SEAL_EXEC : 0);
        made.Data.AddSeals(seals);
        return task.Kernel.Vfs.OpenUnnamed(task, made, "memfd:" + name, Fcntl.O_RDWR | Fcntl.O_LARGEFILE, out file);
    }

    /// <summary>The instance behind all memfds of a kernel; it has no limits of its own.</summary>
    private static TmpfsSuperBlock Instance(Task task)
    {
        VirtualFileSystem vfs = task.Kernel.Vfs;
        if (vfs.InternalFiles is TmpfsSuperBlock existing)
        {
            return existing;
        }

        TmpfsOptions options = new() { Mode = 0x3FF };
        TmpfsSuperBlock made = new(new TmpfsType(), task, vfs.AllocateDevice(), in options)
        {
            UserNamespace = task.Kernel.RootUserNamespace,
        };
        return (TmpfsSuperBlock)vfs.InstallInternalFiles(made);
    }
}
