using System;
using System.Numerics;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Whole-table operations: fork, exec, exit, close_range, listing.</summary>
public sealed partial class FdTable
{
    /// <summary>One more task (CLONE_FILES). Called by a task that uses the table.</summary>
    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One task fewer; the last one closes everything.</summary>
    public void DropUser(Task task)
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            CloseRange(task, 0, int.MaxValue);
        }
    }

    /// <summary>A table of its own with the same descriptors (fork(2), unshare(2)).</summary>
    public FdTable Copy() => Copy(int.MaxValue);

    /// <summary>
    /// As <see cref="Copy()"/> for close_range(2): without the descriptors from <paramref name="limit"/> on.
    /// </summary>
    internal FdTable Copy(int limit)
    {
        FdTable copy = new();
        using (_lock.Enter())
        {
            for (int word = 0; word < _open.Length; word++)
            {
                for (ulong bits = _open[word]; bits != 0; bits &= bits - 1)
                {
                    int fd = (word << 6) + BitOperations.TrailingZeroCount(bits);
                    if (fd >= limit)
                    {
                        return copy;
                    }

                    CopySlotLocked(copy, fd);
                }
            }
        }

        return copy;
    }

    /// <summary>Closes what has FD_CLOEXEC (execve(2)); the table is used by the calling task alone.</summary>
    public void CloseForExec(Task task)
    {
        for (int word = 0; word < _closeOnExec.Length; word++)
        {
            while (_closeOnExec[word] != 0)
            {
                int fd = (word << 6) + BitOperations.TrailingZeroCount(_closeOnExec[word]);
                _ = Close(task, fd);
            }
        }
    }

    /// <summary>Closes every descriptor in [first, last].</summary>
    public void CloseRange(Task task, int first, int last)
    {
        int fd = first;
        while (TryFindOpen(fd, last, out fd))
        {
            _ = Close(task, fd);
            if (fd == int.MaxValue)
            {
                return;
            }

            fd++;
        }
    }

    /// <summary>Sets FD_CLOEXEC on every descriptor in [first, last].</summary>
    public void CloseRangeOnExec(int first, int last)
    {
        using (_lock.Enter())
        {
            int end = (int)Math.Min((long)last + 1, _files.Length);
            for (int fd = first; fd < end; fd++)
            {
                if (_files[fd] is not null)
                {
                    SetBit(_closeOnExec, fd, true);
                }
            }
        }
    }

    /// <summary>
    /// The first open descriptor at or above <paramref name="from"/> (for /proc/pid/fd); false when there is none up to
    /// <paramref name="last"/>.
    /// </summary>
    public bool TryFindOpen(int from, int last, out int fd)
    {
        using (_lock.Enter())
        {
            for (fd = from; fd >= 0 && fd < _files.Length && fd <= last; fd++)
            {
                if (_files[fd] is not null)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>First number the task may not use (RLIMIT_NOFILE).</summary>
    public int Limit(Task task) => FileLimits.OpenFiles(task);

    /// <summary>Slots of the table, FDSize of /proc/pid/status.</summary>
    public int SlotCount => Volatile.Read(ref _files).Length;

    /// <summary>Open descriptors.</summary>
    public int OpenCount
    {
        get
        {
            using (_lock.Enter())
            {
                int count = 0;
                foreach (ulong bits in _open)
                {
                    count += BitOperations.PopCount(bits);
                }

                return count;
            }
        }
    }

    private void CopySlotLocked(FdTable copy, int fd)
    {
        FileDescription file = _files[fd]!;
        file.AddReference();
        bool closeOnExec = (_closeOnExec[fd >> 6] >> (fd & 63) & 1) != 0;
        copy.SetLocked(fd, file, closeOnExec ? CloseOnExec.Yes : CloseOnExec.No);
    }
}
