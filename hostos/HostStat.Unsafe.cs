using System;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>
/// <c>&lt;sys/stat.h&gt;</c>, <c>&lt;sys/statfs.h&gt;</c> and <c>&lt;dirent.h&gt;</c>. Structures are the caller's
/// unmanaged types of at least the kernel's size.
/// </summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostStat
{
    private const int StatBytes = 144;
    private const int StatxBytes = 256;
    private const int StatfsBytes = 120;

    /// <summary>utimensat nanosecond value: set to the current time.</summary>
    public const long UtimeNow = 0x3fffffff;

    /// <summary>utimensat nanosecond value: leave alone.</summary>
    public const long UtimeOmit = 0x3ffffffe;

    /// <summary>fstat(2); <typeparamref name="T"/> is struct stat.</summary>
    public static Errno Fstat<T>(int fd, out T stat)
        where T : unmanaged
    {
        Check<T>(StatBytes);
        stat = default;
        // SAFETY: the kernel writes 144 bytes; T holds at least that.
        fixed (T* p = &stat)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.fstat, fd, (nint)p));
        }
    }

    /// <summary>newfstatat(2); <typeparamref name="T"/> is struct stat.</summary>
    public static Errno FstatAt<T>(int dirFd, string path, int flags, out T stat)
        where T : unmanaged
    {
        Check<T>(StatBytes);
        stat = default;
        using var text = new ByteString(path);
        // SAFETY: the kernel writes 144 bytes; T holds at least that.
        fixed (T* p = &stat)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.newfstatat, dirFd, text.Address, (nint)p, flags));
        }
    }

    /// <summary>statx(2); <typeparamref name="T"/> is struct statx.</summary>
    public static Errno Statx<T>(int dirFd, string path, int flags, uint mask, out T statx)
        where T : unmanaged
    {
        Check<T>(StatxBytes);
        statx = default;
        using var text = new ByteString(path);
        // SAFETY: the kernel writes 256 bytes; T holds at least that.
        fixed (T* p = &statx)
        {
            long r = HostSyscall.Invoke(N.statx, dirFd, text.Address, flags, (nint)mask, (nint)p);
            return HostSyscall.ToErrno(r);
        }
    }

    /// <summary>fstatfs(2); <typeparamref name="T"/> is struct statfs.</summary>
    public static Errno Fstatfs<T>(int fd, out T statfs)
        where T : unmanaged
    {
        Check<T>(StatfsBytes);
        statfs = default;
        // SAFETY: the kernel writes 120 bytes; T holds at least that.
        fixed (T* p = &statfs)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.fstatfs, fd, (nint)p));
        }
    }

    /// <summary>mkdirat(2).</summary>
    public static Errno MkdirAt(int dirFd, string path, int mode)
    {
        using var text = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.mkdirat, dirFd, text.Address, mode));
    }

    /// <summary>mknodat(2).</summary>
    public static Errno MknodAt(int dirFd, string path, int mode, ulong device)
    {
        using var text = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.mknodat, dirFd, text.Address, mode, (nint)device));
    }

    /// <summary>fchmod(2).</summary>
    public static Errno Fchmod(int fd, int mode) => HostSyscall.ToErrno(HostSyscall.Invoke(N.fchmod, fd, mode));

    /// <summary>fchmodat(2), which follows symbolic links.</summary>
    public static Errno FchmodAt(int dirFd, string path, int mode)
    {
        using var text = new ByteString(path);
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.fchmodat, dirFd, text.Address, mode));
    }

    /// <summary>umask(2): sets and returns the old mask (of the whole process).</summary>
    public static int Umask(int mask) => (int)HostSyscall.Invoke(N.umask, mask);

    /// <summary>
    /// utimensat(2). Times are seconds and nanoseconds, the latter possibly <see cref="UtimeNow"/> or <see
    /// cref="UtimeOmit"/>.
    /// A null path works on <paramref name="dirFd"/> itself.
    /// </summary>
    public static Errno UtimensAt(
        int dirFd, string? path, long accessSec, long accessNs, long modifySec, long modifyNs, int flags)
    {
        using var text = new ByteString(path);
        // SAFETY: the kernel reads two timespecs of 16 bytes.
        long* times = stackalloc long[4] { accessSec, accessNs, modifySec, modifyNs };
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.utimensat, dirFd, text.Address, (nint)times, flags));
    }

    /// <summary>getdents64(2): raw struct linux_dirent64 records.</summary>
    public static Errno GetDents64(int fd, Span<byte> buffer, out int done)
    {
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = buffer)
        {
            return HostSyscall.Split(HostSyscall.Invoke(N.getdents64, fd, (nint)p, buffer.Length), out done);
        }
    }

    private static void Check<T>(int bytes)
        where T : unmanaged => ArgumentOutOfRangeException.ThrowIfLessThan(sizeof(T), bytes);
}
