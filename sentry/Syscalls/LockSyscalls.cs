using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>Record locks of fcntl(2) and flock(2).</summary>
public static class LockSyscalls
{
    /// <summary>int flock(int fd, int operation)</summary>
    public static SyscallResult Flock(Task task, in SyscallArguments args)
    {
        if ((args.Int(1) & Fcntl.LOCK_MAND) != 0)
        {
            // Mandatory locks are gone: ignored, whatever the descriptor is (fs/locks.c, flock).
            return 0;
        }

        int operation = args.Int(1) & ~Fcntl.LOCK_NB;
        FileLockType type = operation switch
        {
            Fcntl.LOCK_SH => FileLockType.Read,
            Fcntl.LOCK_EX => FileLockType.Write,
            Fcntl.LOCK_UN => FileLockType.None,
            _ => (FileLockType)(-1),
        };
        if ((int)type == -1)
        {
            return Errno.EINVAL;
        }

        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        InodeLocks locks = file.Inode.GetLocks();
        Errno errno = locks.TryFlock(file, type, task.ThreadGroup.Id);
        if (errno != Errno.EAGAIN || (args.Int(1) & Fcntl.LOCK_NB) != 0)
        {
            return errno;
        }

        locks.Released.Add(task.Waiter);
        do
        {
            errno = locks.TryFlock(file, type, task.ThreadGroup.Id);
        }
        while (errno == Errno.EAGAIN && (errno = task.Block()) == Errno.None);
        locks.Released.Remove(task.Waiter);
        return errno;
    }

    /// <summary>The lock commands of fcntl(2).</summary>
    internal static SyscallResult Control(Task task, FileDescription file, int command, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out Abi.Linux.Flock request);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isOfd = command is Fcntl.F_OFD_GETLK or Fcntl.F_OFD_SETLK or Fcntl.F_OFD_SETLKW;
        if (isOfd && request.l_pid != 0)
        {
            return Errno.EINVAL;
        }

        object owner = isOfd ? file : task.FdTable;
        errno = Decode(file, owner, isOfd ? -1 : task.ThreadGroup.Id, in request, out RecordLock wanted);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (command is Fcntl.F_GETLK or Fcntl.F_OFD_GETLK)
        {
            return Test(task, file, address, request, wanted);
        }

        bool allowed = wanted.Type switch
        {
            FileLockType.Read => file.CanRead,
            FileLockType.Write => file.CanWrite,
            _ => true,
        };
        if (!allowed)
        {
            return Errno.EBADF;
        }

        bool waits = command is Fcntl.F_SETLKW or Fcntl.F_OFD_SETLKW;
        return waits ? SetWaiting(task, file, in wanted) : file.Inode.GetLocks().TrySet(in wanted, out _);
    }

    private static SyscallResult Test(
        Task task,
        FileDescription file,
        GuestAddress address,
        Abi.Linux.Flock request,
        RecordLock wanted)
    {
        if (wanted.Type == FileLockType.None)
        {
            return Errno.EINVAL;
        }

        if (file.Inode.GetLocks().TryFindConflict(in wanted, out RecordLock conflict))
        {
            request.l_type = conflict.Type == FileLockType.Read ? (short)Fcntl.F_RDLCK : (short)Fcntl.F_WRLCK;
            request.l_whence = Fcntl.SEEK_SET;
            request.l_start = conflict.Start;
            request.l_len = conflict.End == long.MaxValue ? 0 : conflict.End - conflict.Start + 1;
            request.l_pid = conflict.Pid;
        }
        else
        {
            request.l_type = Fcntl.F_UNLCK;
        }

        return task.Mm.Write(address, in request);
    }

    /// <summary>
    /// F_SETLKW: waits until the range is free; EDEADLK when the holder waits, perhaps through others, for this owner.
    /// </summary>
    private static SyscallResult SetWaiting(Task task, FileDescription file, in RecordLock wanted)
    {
        InodeLocks locks = file.Inode.GetLocks();
        Errno errno = locks.TrySet(in wanted, out _);
        if (errno != Errno.EAGAIN)
        {
            return errno;
        }

        bool isPosix = wanted.Owner is FdTable;
        locks.Released.Add(task.Waiter);
        while (true)
        {
            errno = locks.TrySet(in wanted, out RecordLock blocker);
            if (errno != Errno.EAGAIN)
            {
                break;
            }

            if (isPosix && !LockWaits.TryWait(wanted.Owner, blocker.Owner))
            {
                errno = Errno.EDEADLK;
                break;
            }

            errno = task.Block();
            if (errno != Errno.None)
            {
                break;
            }
        }

        LockWaits.End(wanted.Owner);
        locks.Released.Remove(task.Waiter);
        return errno;
    }

    /// <summary>flock_to_posix_lock: EINVAL for a bad type, whence or range; EOVERFLOW.</summary>
    private static Errno Decode(
        FileDescription file,
        object owner,
        int pid,
        in Abi.Linux.Flock request,
        out RecordLock wanted)
    {
        wanted = default;
        long origin = 0;
        switch (request.l_whence)
        {
            case Fcntl.SEEK_SET:
                break;
            case Fcntl.SEEK_CUR:
                origin = file.Position;
                break;
            case Fcntl.SEEK_END:
                Errno errno = file.Inode.GetAttributes(out InodeAttributes attributes);
                if (errno != Errno.None)
                {
                    return errno;
                }

                origin = attributes.SizeBytes;
                break;
            default:
                return Errno.EINVAL;
        }

        FileLockType type = request.l_type switch
        {
            Fcntl.F_RDLCK => FileLockType.Read,
            Fcntl.F_WRLCK => FileLockType.Write,
            Fcntl.F_UNLCK => FileLockType.None,
            _ => (FileLockType)(-1),
        };
        Int128 start = (Int128)origin + request.l_start;
        Int128 end = request.l_len switch
        {
            0 => long.MaxValue,
            > 0 => start + request.l_len - 1,
            _ => start - 1,
        };
        start = request.l_len < 0 ? start + request.l_len : start;
        if ((int)type == -1 || start < 0)
        {
            return Errno.EINVAL;
        }

        if (start > long.MaxValue || end > long.MaxValue)
        {
            return Errno.EOVERFLOW;
        }

        wanted = new RecordLock(owner, type, (long)start, (long)end, pid);
        return Errno.None;
    }
}
