using System.Runtime.InteropServices;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>Argument of openat2(2) (linux/openat2.h, struct open_how).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct OpenHow
{
    public ulong Flags;
    public ulong Mode;
    public ulong Resolve;
}

/// <summary><c>&lt;fcntl.h&gt;</c>, with openat2(2) and flock(2).</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostFcntl
{
    public const int AtFdCwd = -100;
    public const int AtSymlinkNoFollow = 0x100;
    public const int AtRemoveDir = 0x200;
    public const int AtSymlinkFollow = 0x400;
    public const int AtEmptyPath = 0x1000;

    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NoCtty = 0x100;
    public const int Truncate = 0x200;
    public const int Append = 0x400;
    public const int NonBlock = 0x800;
    public const int Directory = 0x10000;
    public const int NoFollow = 0x20000;
    public const int CloseOnExec = 0x80000;
    public const int Path = 0x200000;
    public const int TempFile = 0x410000;

    public const int ResolveNoXdev = 1;
    public const int ResolveNoMagicLinks = 2;
    public const int ResolveNoSymlinks = 4;
    public const int ResolveBeneath = 8;
    public const int ResolveInRoot = 0x10;

    public const int DupFd = 0;
    public const int GetFd = 1;
    public const int SetFd = 2;
    public const int GetFl = 3;
    public const int SetFl = 4;
    public const int SetLease = 1024;
    public const int DupFdCloexec = 1030;
    public const int SetPipeSize = 1031;
    public const int GetPipeSize = 1032;
    public const int AddSeals = 1033;
    public const int GetSeals = 1034;
    public const int FdCloexec = 1;

    public const int FallocKeepSize = 1;
    public const int FallocPunchHole = 2;

    /// <summary>openat(2).</summary>
    public static Errno OpenAt(int dirFd, string path, int flags, int mode, out int fd)
    {
        using var text = new ByteString(path);
        return HostSyscall.Split(HostSyscall.Invoke(N.openat, dirFd, text.Address, flags, mode), out fd);
    }

    /// <summary>openat2(2).</summary>
    public static Errno OpenAt2(int dirFd, string path, in OpenHow how, out int fd)
    {
        using var text = new ByteString(path);
        // SAFETY: the kernel reads sizeof(OpenHow) bytes of a pinned structure.
        fixed (OpenHow* p = &how)
        {
            long r = HostSyscall.Invoke(N.openat2, dirFd, text.Address, (nint)p, sizeof(OpenHow));
            return HostSyscall.Split(r, out fd);
        }
    }

    /// <summary>fcntl(2) with an integer argument.</summary>
    public static Errno Fcntl(int fd, int command, nint argument, out int result) =>
        HostSyscall.Split(HostSyscall.Invoke(N.fcntl, fd, command, argument), out result);

    /// <summary>
    /// A duplicate of <paramref name="fd"/> with close-on-exec set (F_DUPFD_CLOEXEC), numbered <paramref
    /// name="lowest"/> or more.
    /// </summary>
    public static Errno Duplicate(int fd, out int copy, int lowest = 0) =>
        HostSyscall.Split(HostSyscall.InvokeFast(N.fcntl, fd, DupFdCloexec, lowest), out copy);

    /// <summary>fallocate(2).</summary>
    public static Errno Fallocate(int fd, int mode, long offset, long length) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.fallocate, fd, mode, (nint)offset, (nint)length));

    /// <summary>flock(2).</summary>
    public static Errno Flock(int fd, int operation) => HostSyscall.ToErrno(HostSyscall.Invoke(N.flock, fd, operation));

    /// <summary>splice(2) without offsets (both must then be pipes or positioned files).</summary>
    public static Errno Splice(int fdIn, int fdOut, nuint length, int flags, out long done) =>
        HostSyscall.Split(HostSyscall.Invoke(N.splice, fdIn, 0, fdOut, 0, (nint)length, flags), out done);

    /// <summary>sync_file_range(2).</summary>
    public static Errno SyncFileRange(int fd, long offset, long length, int flags) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.sync_file_range, fd, (nint)offset, (nint)length, flags));
}
