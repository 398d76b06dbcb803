using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>What follows every successful transfer: access times and watchers.</summary>
public abstract partial class FileDescription
{
    /// <summary>After a read: sets the access time, tells watchers.</summary>
    public void AfterRead(long done)
    {
        VfsPath path = Path;
        if (path.IsNone || done < 0)
        {
            return;
        }

        TouchAccessTime();
        if (done > 0)
        {
            FileEvents.Report(path, Inotify.IN_ACCESS);
        }
    }

    /// <summary>After a write: tells watchers (the file system set the times).</summary>
    public void AfterWrite(long done)
    {
        if (done > 0)
        {
            FileEvents.Report(Path, Inotify.IN_MODIFY);
        }
    }

    /// <summary>Whether reading is an access that the inode remembers: not of memory devices (Linux
    /// drivers/char/mem.c).</summary>
    protected virtual bool KeepsAccessTime => true;

    /// <summary>Sets the access time as the mount and O_NOATIME allow.</summary>
    public void TouchAccessTime()
    {
        VfsPath path = Path;
        if (path.IsNone || !KeepsAccessTime || (Flags & Fcntl.O_NOATIME) != 0)
        {
            return;
        }

        Inode inode = Inode;
        inode.TouchAccessTime(path.Mount.AccessTimePolicyFor(inode));
    }
}
