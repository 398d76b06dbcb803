using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>May the VFS answer a lookup from its dentry cache?</summary>
public enum DentryPolicy
{
    /// <summary>Yes, positive and negative entries: nobody else changes the file system.</summary>
    Cache,

    /// <summary>After asking <see cref="Inode.Revalidate"/>.</summary>
    Revalidate,

    /// <summary>No: every walk looks up (proc and other synthetic trees).</summary>
    NeverCache,
}

/// <summary>statfs(2) figures.</summary>
public struct FileSystemStatistics
{
    /// <summary>f_type: a *_SUPER_MAGIC number.</summary>
    public long Magic;
    public long BlockSizeBytes;
    public ulong Blocks;
    public ulong FreeBlocks;
    public ulong AvailableBlocks;
    public ulong Files;
    public ulong FreeFiles;
    public long NameLengthMax;
}

/// <summary>One instance of a file system, mounted any number of times.</summary>
public abstract partial class SuperBlock
{
    protected SuperBlock(FileSystemType type, ulong device)
    {
        Type = type;
        Device = device;
    }

    /// <summary>Its type.</summary>
    public FileSystemType Type { get; }

    /// <summary>st_dev of its inodes.</summary>
    public ulong Device { get; }

    /// <summary>Root directory (or the single file of a file mount).</summary>
    public abstract Inode Root { get; }

    /// <summary>Caching rule; constant.</summary>
    public virtual DentryPolicy DentryPolicy => DentryPolicy.Cache;

    /// <summary>User namespace that owns the instance.</summary>
    public UserNamespace? UserNamespace { get; init; }

    /// <summary>Source as /proc/mounts prints it.</summary>
    public string Source { get; init; } = "none";

    /// <summary>
    /// Options as /proc/mounts prints them after the mount's own, for example "size=1024k"; empty if none.
    /// </summary>
    public virtual string Options => "";

    /// <summary>Figures for statfs(2).</summary>
    public abstract Errno GetStatistics(Task task, out FileSystemStatistics statistics);

    /// <summary>Longest file, for EFBIG.</summary>
    public virtual long MaxFileBytes => long.MaxValue;

    /// <summary>syncfs(2).</summary>
    public virtual Errno Sync(Task task) => Errno.None;

    /// <summary>mount(2) with MS_REMOUNT: new options.</summary>
    public virtual Errno Remount(Task task, string data) => Errno.None;

    /// <summary>The last mount is gone.</summary>
    public virtual void Release()
    {
    }
}

/// <summary>A kind of file system, registered by the composition root under the name mount(2) takes.</summary>
public abstract class FileSystemType
{
    /// <summary>Name as in /proc/filesystems.</summary>
    public abstract string Name { get; }

    /// <summary>False for "nodev" types; all of ours are nodev.</summary>
    public virtual bool RequiresDevice => false;

    /// <summary>
    /// User namespace over which a mounter needs CAP_SYS_ADMIN: that of what a new instance shows (fs_context's
    /// user_ns for a type with FS_USERNS_MOUNT). The root one where nobody else may mount the type.
    /// </summary>
    public virtual UserNamespace MountOwner(Task task) => task.Kernel.RootUserNamespace;

    /// <summary>
    /// True when a lesser namespace may mount it only where it sees all of another instance already
    /// (SB_I_USERNS_VISIBLE): what is covered there must not come to light in a fresh one.
    /// </summary>
    public virtual bool NeedsVisibleInstance => false;

    /// <summary>Makes an instance from mount(2)'s source, flags and data string.</summary>
    public abstract Errno Mount(Task task, string source, ulong flags, string data, out SuperBlock? superBlock);
}
