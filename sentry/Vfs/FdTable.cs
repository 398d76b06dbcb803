using System;
using System.Numerics;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>What a new descriptor gets besides its number.</summary>
public enum CloseOnExec
{
    /// <summary>Stays open across execve(2).</summary>
    No,

    /// <summary>FD_CLOEXEC.</summary>
    Yes,
}

/// <summary>
/// A description looked up for one call. Dispose it when the call is over: when the table is shared it holds a
/// reference, so that a close(2)
/// by another thread cannot pull the file from under the call.
/// </summary>
public readonly ref struct FdReference
{
    private readonly bool _isOwned;
    private readonly Task? _task;

    internal FdReference(FileDescription? file, bool isOwned, Task? task)
    {
        File = file;
        _isOwned = isOwned;
        _task = task;
    }

    /// <summary>The description; null when the descriptor is not open (EBADF).</summary>
    public FileDescription? File { get; }

    /// <summary>Ends the use.</summary>
    public void Dispose()
    {
        if (_isOwned)
        {
            File!.DropReference(_task);
        }
    }
}

/// <summary>
/// Descriptors of one or more tasks (Linux's files_struct). Lookup takes no lock; while a single task uses the table it
/// does not even count
/// a reference, because nobody else could close the descriptor.
/// </summary>
public sealed partial class FdTable
{
    private const int InitialSlots = 64;

    private readonly OrderedLock<FdTableLevel> _lock = new();
    private FileDescription?[] _files = new FileDescription?[InitialSlots];
    private ulong[] _open = new ulong[InitialSlots / 64];
    private ulong[] _closeOnExec = new ulong[InitialSlots / 64];
    private int _firstFree;
    private int _users = 1;

    /// <summary>Tasks that share the table.</summary>
    public int UserCount => Volatile.Read(ref _users);

    /// <summary>Looks a descriptor up for the duration of one call of the table's own task.</summary>
    public FdReference Borrow(int fd)
    {
        if (Volatile.Read(ref _users) == 1)
        {
            FileDescription?[] files = _files;
            return new FdReference((uint)fd < (uint)files.Length ? files[fd] : null, false, null);
        }

        FileDescription? file = Get(fd);
        return new FdReference(file, file is not null, null);
    }

    /// <summary>Looks a descriptor up and takes a reference, for any task; null when it is not open.</summary>
    public FileDescription? Get(int fd)
    {
        while (true)
        {
            FileDescription?[] files = Volatile.Read(ref _files);
            FileDescription? file = (uint)fd < (uint)files.Length ? Volatile.Read(ref files[fd]) : null;
            if (file is null)
            {
                return null;
            }

            if (!file.TryAddReference())
            {
                continue;
            }

            FileDescription?[] now = Volatile.Read(ref _files);
            if (Volatile.Read(ref now[fd]) == file)
            {
                return file;
            }

            file.DropReference(null);
        }
    }

    /// <summary>
    /// Puts a description, whose reference passes to the table, at the lowest free number from <paramref
    /// name="lowest"/> on. EMFILE (the reference stays with the caller).
    /// </summary>
    public Errno Install(Task task, FileDescription file, CloseOnExec closeOnExec, out int fd, int lowest = 0)
    {
        int limit = FileLimits.OpenFiles(task);
        using (_lock.Enter())
        {
            fd = FindFreeLocked(lowest);
            if (fd >= limit)
            {
                fd = -1;
                return Errno.EMFILE;
            }

            SetLocked(fd, file, closeOnExec);
            return Errno.None;
        }
    }

    /// <summary>
    /// As <see cref="Install"/> for a file made by the calling system call: on EMFILE the reference is dropped. The
    /// usual end of open, pipe, socket...
    /// </summary>
    public Errno InstallNew(Task task, FileDescription file, CloseOnExec closeOnExec, out int fd)
    {
        Errno errno = Install(task, file, closeOnExec, out fd);
        if (errno != Errno.None)
        {
            file.DropReference(task);
        }

        return errno;
    }

    /// <summary>
    /// Puts a description at a given number, closing what is there (dup2(2)); its reference passes to the table. EBADF
    /// above RLIMIT_NOFILE
    /// (the reference stays with the caller).
    /// </summary>
    public Errno InstallAt(Task task, int fd, FileDescription file, CloseOnExec closeOnExec)
    {
        if (fd < 0 || fd >= FileLimits.OpenFiles(task))
        {
            return Errno.EBADF;
        }

        FileDescription? replaced;
        using (_lock.Enter())
        {
            GrowLocked(fd + 1);
            replaced = _files[fd];
            SetLocked(fd, file, closeOnExec);
        }

        if (replaced is not null)
        {
            _ = replaced.OnDescriptorClosed(task, this);
            replaced.DropReference(task);
        }

        return Errno.None;
    }

    /// <summary>close(2): the descriptor is free even when the flush fails.</summary>
    public Errno Close(Task task, int fd)
    {
        FileDescription? file;
        using (_lock.Enter())
        {
            file = TakeLocked(fd);
        }

        if (file is null)
        {
            return Errno.EBADF;
        }

        Errno errno = file.OnDescriptorClosed(task, this);
        file.DropReference(task);
        return errno;
    }

    /// <summary>FD_CLOEXEC of a descriptor. EBADF.</summary>
    public Errno GetCloseOnExec(int fd, out CloseOnExec closeOnExec)
    {
        using (_lock.Enter())
        {
            bool open = (uint)fd < (uint)_files.Length && _files[fd] is not null;
            closeOnExec = open && (_closeOnExec[fd >> 6] >> (fd & 63) & 1) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
            return open ? Errno.None : Errno.EBADF;
        }
    }

    /// <summary>Sets FD_CLOEXEC. EBADF.</summary>
    public Errno SetCloseOnExec(int fd, CloseOnExec closeOnExec)
    {
        using (_lock.Enter())
        {
            if ((uint)fd >= (uint)_files.Length || _files[fd] is null)
            {
                return Errno.EBADF;
            }

            SetBit(_closeOnExec, fd, closeOnExec == CloseOnExec.Yes);
            return Errno.None;
        }
    }

    private void SetLocked(int fd, FileDescription file, CloseOnExec closeOnExec)
    {
        GrowLocked(fd + 1);
        SetBit(_open, fd, true);
        SetBit(_closeOnExec, fd, closeOnExec == CloseOnExec.Yes);
        Volatile.Write(ref _files[fd], file);
        if (fd == _firstFree)
        {
            _firstFree = fd + 1;
        }
    }

    private FileDescription? TakeLocked(int fd)
    {
        if ((uint)fd >= (uint)_files.Length || _files[fd] is not { } file)
        {
            return null;
        }

        Volatile.Write(ref _files[fd], null);
        SetBit(_open, fd, false);
        SetBit(_closeOnExec, fd, false);
        _firstFree = Math.Min(_firstFree, fd);
        return file;
    }

    private int FindFreeLocked(int lowest)
    {
        int start = Math.Max(lowest, _firstFree);
        int word = start >> 6;
        ulong taken = word < _open.Length ? _open[word] | ((1UL << (start & 63)) - 1) : 0;
        if (word >= _open.Length)
        {
            return start;
        }

        while (taken == ulong.MaxValue)
        {
            word++;
            if (word >= _open.Length)
            {
                return word << 6;
            }

            taken = _open[word];
        }

        return (word << 6) + BitOperations.TrailingZeroCount(~taken);
    }

    private void GrowLocked(int slots)
    {
        if (slots <= _files.Length)
        {
            return;
        }

        int size = (int)BitOperations.RoundUpToPowerOf2((uint)slots);
        FileDescription?[] files = new FileDescription?[size];
        _files.CopyTo(files, 0);
        Array.Resize(ref _open, size / 64);
        Array.Resize(ref _closeOnExec, size / 64);
        Volatile.Write(ref _files, files);
    }

    private static void SetBit(ulong[] bits, int index, bool value)
    {
        ulong bit = 1UL << (index & 63);
        bits[index >> 6] = value ? bits[index >> 6] | bit : bits[index >> 6] & ~bit;
    }
}
