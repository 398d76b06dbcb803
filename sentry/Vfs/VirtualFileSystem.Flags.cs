using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>FS_IOC_SETFLAGS (fs/file_attr.c: vfs_fileattr_set).</summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>EROFS, ENOTTY, EPERM for who does not own the file or may not set these flags, EOPNOTSUPP.</summary>
    public Errno ChangeFileFlags(Task task, VfsPath path, uint flags)
    {
        Inode inode = path.Dentry.Inode!;
        Errno errno = path.Mount.WantWrite();
        if (errno != Errno.None || !inode.HasFileFlags)
        {
            return errno != Errno.None ? errno : Errno.ENOTTY;
        }

        const uint Guarded = FileFlags.FS_IMMUTABLE_FL | FileFlags.FS_APPEND_FL;
        bool isGuarded = ((inode.FileFlags ^ flags) & Guarded) != 0;
        errno = inode.GetOwner(out InodeOwner owner);
        bool allowed = Permissions.IsOwnerOrCapable(task.Credentials, in owner)
            && (!isGuarded || task.Credentials.IsCapable(Capability.CAP_LINUX_IMMUTABLE));
        if (errno != Errno.None || !allowed)
        {
            return errno != Errno.None ? errno : Errno.EPERM;
        }

        return inode.SetFileFlags(task, flags);
    }
}
