using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Fs.Tmpfs;

// Flags of ioctl_iflags(2): those that Linux's tmpfs keeps (mm/shmem.c). No dump and no access time mean nothing here.
internal abstract partial class TmpfsInode
{
    private const uint KeptFlags = Abi.Linux.FileFlags.FS_IMMUTABLE_FL | Abi.Linux.FileFlags.FS_APPEND_FL
        | Abi.Linux.FileFlags.FS_NODUMP_FL | Abi.Linux.FileFlags.FS_NOATIME_FL;

    private uint _fileFlags;

    /// <inheritdoc/>
    public override bool HasFileFlags => FileType is StatMode.S_IFREG or StatMode.S_IFDIR;

    /// <inheritdoc/>
    public override uint FileFlags => Volatile.Read(ref _fileFlags);

    /// <inheritdoc/>
    public override Errno SetFileFlags(Task task, uint flags)
    {
        if ((flags & ~KeptFlags) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        Volatile.Write(ref _fileFlags, flags);
        TouchChanged();
        return Errno.None;
    }
}
