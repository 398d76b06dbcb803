using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Flags of a file that chattr(1) sets (ioctl_iflags(2)); the VFS acts on them.</summary>
public abstract partial class Inode
{
    /// <summary>True when the file system keeps flags: others answer ENOTTY.</summary>
    public virtual bool HasFileFlags => false;

    /// <summary>FS_IMMUTABLE_FL and the like.</summary>
    public virtual uint FileFlags => 0;

    /// <summary>Nothing of the file may be changed.</summary>
    internal bool IsImmutable => (FileFlags & Abi.Linux.FileFlags.FS_IMMUTABLE_FL) != 0;

    /// <summary>The file may only grow at its end, the directory only by new names.</summary>
    internal bool IsAppendOnly => (FileFlags & Abi.Linux.FileFlags.FS_APPEND_FL) != 0;

    /// <summary>Names and attributes stay as they are.</summary>
    internal bool IsFixed => (FileFlags & (Abi.Linux.FileFlags.FS_IMMUTABLE_FL
        | Abi.Linux.FileFlags.FS_APPEND_FL)) != 0;

    /// <summary>Sets all flags; rights were checked. EOPNOTSUPP for flags that the file system does not keep.</summary>
    public virtual Errno SetFileFlags(Task task, uint flags) => Errno.ENOTTY;
}
