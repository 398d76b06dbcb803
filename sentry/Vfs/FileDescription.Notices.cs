using System.Diagnostics;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>Signals about what happens in an open directory (fcntl(2) F_NOTIFY).</summary>
public abstract partial class FileDescription
{
    // One for all: the calls are rare. Guards every chain of notices; nothing is taken under it.
    private static readonly OrderedLock<LeafLevel> s_noticesLock = new();

    private DirectoryNotice? _notices;

    /// <summary>
    /// F_NOTIFY by <paramref name="table"/> through its descriptor <paramref name="fd"/>: DN_* bits are added to
    /// those asked for before; none, or DN_MULTISHOT alone, cancels them all. ENOTDIR.
    /// </summary>
    internal Errno Notify(Task task, FdTable table, int fd, uint events)
    {
        if ((events & ~Fcntl.DN_MULTISHOT) == 0)
        {
            EndNotices(table);
            return Errno.None;
        }

        Inode directory = GetPath().Dentry.Inode ?? Inode;
        if (directory.FileType != StatMode.S_IFDIR)
        {
            return Errno.ENOTDIR;
        }

        if (SignalReceiver is null)
        {
            Credentials credentials = task.Credentials;
            Pid process = task.ThreadGroup.Identity;
            SignalReceiver = new(process, Fcntl.F_OWNER_PID, credentials.RealUid, credentials.EffectiveUid);
        }

        AddNotice(task, table, directory, fd, events);
        return Errno.None;
    }

    // Under the lock until it stands on the directory: a close(2) meanwhile must find it there.
    private void AddNotice(Task task, FdTable table, Inode directory, int fd, uint events)
    {
        using (s_noticesLock.Enter())
        {
            for (DirectoryNotice? each = _notices; each is not null; each = each.Next)
            {
                if (each.Owner == table && !each.HasEnded)
                {
                    each.Widen(fd, events);
                    return;
                }
            }

            DropEndedLocked();
            // The open file keeps the directory, so its inode cannot be on its way out.
            bool isAlive = directory.TryReference();
            Debug.Assert(isAlive, "an open directory was evicted");
            DirectoryNotice made = new(task.Kernel, this, table, directory) { Next = _notices };
            made.Widen(fd, events);
            _notices = made;
            directory.AddWatch(made);
        }
    }

    private void DropEndedLocked()
    {
        DirectoryNotice? kept = null;
        DirectoryNotice? each = _notices;
        while (each is not null)
        {
            DirectoryNotice? next = each.Next;
            if (!each.HasEnded)
            {
                each.Next = kept;
                kept = each;
            }

            each = next;
        }

        _notices = kept;
    }

    /// <summary>A descriptor of the table was closed, or F_NOTIFY cancelled: the table hears no more.</summary>
    private void EndNotices(FdTable table)
    {
        if (Volatile.Read(ref _notices) is null)
        {
            return;
        }

        DirectoryNotice? ended = null;
        using (s_noticesLock.Enter())
        {
            DirectoryNotice? kept = null;
            DirectoryNotice? each = _notices;
            while (each is not null)
            {
                DirectoryNotice? next = each.Next;
                if (each.Owner == table)
                {
                    each.Next = ended;
                    ended = each;
                }
                else
                {
                    each.Next = kept;
                    kept = each;
                }

                each = next;
            }

            _notices = kept;
        }

        for (DirectoryNotice? each = ended; each is not null; each = each.Next)
        {
            each.Detach();
        }
    }
}
