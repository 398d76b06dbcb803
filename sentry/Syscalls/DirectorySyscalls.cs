using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>getdents64(2), getcwd(2), chdir(2), chroot(2), umask(2).</summary>
public static class DirectorySyscalls
{
    // PATH_MAX: getcwd(2) forms no longer path.
    private const int PathMax = 4096;

    private const int MaxBufferBytes = 64 * 1024;

    /// <summary>int chdir(const char *path)</summary>
    public static SyscallResult ChDir(Task task, in SyscallArguments args)
    {
        Errno errno = FindDirectory(task, args.Address(0), out VfsPath place);
        if (errno == Errno.None)
        {
            task.FsContext.SetWorkingDirectory(place);
        }

        return errno;
    }

    /// <summary>int fchdir(int fd)</summary>
    public static SyscallResult FChDir(Task task, in SyscallArguments args)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { } file)
        {
            return Errno.EBADF;
        }

        if (file.Inode.FileType != StatMode.S_IFDIR)
        {
            return Errno.ENOTDIR;
        }

        Errno errno = Permissions.Check(task, file.Inode, MayAccess.Execute);
        if (errno == Errno.None)
        {
            task.FsContext.SetWorkingDirectory(file.GetPath());
        }

        return errno;
    }

    /// <summary>int chroot(const char *path)</summary>
    public static SyscallResult ChRoot(Task task, in SyscallArguments args)
    {
        Errno errno = FindDirectory(task, args.Address(0), out VfsPath place);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!task.Credentials.HasCapability(Capability.CAP_SYS_CHROOT))
        {
            return Errno.EPERM;
        }

        task.FsContext.SetRoot(place);
        return SyscallResult.Ok;
    }

    /// <summary>char *getcwd(char *buf, size_t size): the kernel's result is the length with the NUL.</summary>
    public static SyscallResult GetCwd(Task task, in SyscallArguments args)
    {
        FsContext context = task.FsContext;
        VfsPath place = context.WorkingDirectory;
        if (place.Dentry.IsUnlinked)
        {
            return Errno.ENOENT;
        }

        string path = task.Kernel.Vfs.FormatPath(place, context.Root, UnreachablePrefix.Show) + '\0';
        if (path.Length > PathMax)
        {
            return Errno.ENAMETOOLONG;
        }

        if ((ulong)path.Length > args[1])
        {
            return Errno.ERANGE;
        }

        return PathSyscalls.CopyOutText(task, args.Address(0), path.Length, path);
    }

    /// <summary>mode_t umask(mode_t mask)</summary>
    public static SyscallResult Umask(Task task, in SyscallArguments args) =>
        task.FsContext.ExchangeUmask(args.UInt(0));

    /// <summary>ssize_t getdents64(int fd, void *dirp, size_t count)</summary>
    public static SyscallResult GetDents64(Task task, in SyscallArguments args) =>
        GetEntries(task, in args, DirentFormat.Long);

    /// <summary>long getdents(unsigned int fd, struct linux_dirent *dirp, unsigned int count)</summary>
    public static SyscallResult GetDents(Task task, in SyscallArguments args) =>
        GetEntries(task, in args, DirentFormat.Old);

    private static SyscallResult GetEntries(Task task, in SyscallArguments args, DirentFormat format)
    {
        using FdReference reference = task.FdTable.Borrow(args.Int(0));
        if (reference.File is not { IsPathOnly: false } file)
        {
            return Errno.EBADF;
        }

        if (file.Inode.FileType != StatMode.S_IFDIR)
        {
            return Errno.ENOTDIR;
        }

        DirentBuffer buffer = task.DirentBuffer;
        buffer.Start((int)Math.Min(args.UInt(2), MaxBufferBytes), format);
        using (file.PositionLock.Enter())
        {
            if (file.Path is { IsNone: false, Dentry.IsUnlinked: true })
            {
                return Errno.ENOENT;
            }

            long before = file.Position;
            Errno errno = file.IterateDirectory(task, buffer);
            file.TouchAccessTime();
            if (errno != Errno.None || (buffer.Length == 0 && buffer.IsTooSmall))
            {
                return errno != Errno.None ? errno : Errno.EINVAL;
            }

            errno = task.Mm.CopyOut(args.Address(1), buffer.Bytes);
            if (errno != Errno.None)
            {
                file.Position = before;
            }

            return SyscallResult.From(errno, buffer.Length);
        }
    }

    private static Errno FindDirectory(Task task, GuestAddress address, out VfsPath place)
    {
        place = default;
        Errno errno = PathArgument.Read(task, address, out ReadOnlySpan<char> path);
        errno = errno != Errno.None
            ? errno
            : task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, LookupFlags.Follow | LookupFlags.Directory, out place);
        return errno != Errno.None ? errno : Permissions.Check(task, place.Dentry.Inode!, MayAccess.Execute);
    }
}

/// <summary>Layout of directory records.</summary>
internal enum DirentFormat
{
    /// <summary>struct linux_dirent64.</summary>
    Long,

    /// <summary>struct linux_dirent: the type is the last byte of the record.</summary>
    Old,
}

/// <summary>Collects the records of one getdents(2); one per task, reused.</summary>
internal sealed class DirentBuffer : IDirentSink
{
    private const int LongHeader = 19;
    private const int OldHeader = 18;
    private const int PaddedBytes = 16;
    private const int ShortName = 16;

    private byte[] _bytes = new byte[4096];
    private int _capacity;
    private DirentFormat _format;

    /// <summary>Bytes collected.</summary>
    internal int Length { get; private set; }

    /// <summary>An entry did not fit.</summary>
    internal bool IsTooSmall { get; private set; }

    internal ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    internal void Start(int capacity, DirentFormat format)
    {
        _capacity = capacity;
        _format = format;
        Length = 0;
        IsTooSmall = false;
        if (_bytes.Length < capacity)
        {
            _bytes = new byte[capacity];
        }
    }

    /// <inheritdoc/>
    public bool Add(ulong inode, byte type, string name, long nextPosition)
    {
        int header = _format == DirentFormat.Long ? LongHeader : OldHeader;
        int extra = _format == DirentFormat.Long ? 1 : 2;
        int record = (header + name.Length + extra + 7) & ~7;
        if (record > _capacity - Length)
        {
            IsTooSmall = true;
            return false;
        }

        // All that lies between the name's end and the record's is in its last two words.
        Span<byte> at = _bytes.AsSpan(Length, record);
        at[(record - PaddedBytes)..].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(at, inode);
        BinaryPrimitives.WriteInt64LittleEndian(at[8..], nextPosition);
        BinaryPrimitives.WriteUInt16LittleEndian(at[16..], (ushort)record);
        if (_format == DirentFormat.Long)
        {
            at[18] = type;
        }
        else
        {
            at[record - 1] = type;
        }

        Narrow(name, at[header..]);
        Length += record;
        return true;
    }

    /// <summary>The bytes of a name: most are too short for vectors to pay.</summary>
    private static void Narrow(string name, Span<byte> bytes)
    {
        if (name.Length > ShortName)
        {
            System.Text.Encoding.Latin1.GetBytes(name, bytes);
            return;
        }

        for (int i = 0; i < name.Length && i < bytes.Length; i++)
        {
            bytes[i] = (byte)name[i];
        }
    }
}
