using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>
/// Constants of open(2), fcntl(2), the *at(2) calls, flock(2), access(2), lseek(2), renameat2(2) and
/// posix_fadvise(2).
/// </summary>
[CHeader("linux/fcntl.h", "linux/fs.h", "linux/fadvise.h")]
public static class Fcntl
{
    // open(2); O_LARGEFILE has the kernel's value, which glibc hides.
    public const int O_ACCMODE = 3;
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_TRUNC = 0x200;
    public const int O_APPEND = 0x400;
    public const int O_NONBLOCK = 0x800;
    public const int O_DSYNC = 0x1000;
    public const int O_DIRECT = 0x4000;
    public const int O_LARGEFILE = 0x8000;
    public const int O_DIRECTORY = 0x10000;
    public const int O_NOFOLLOW = 0x20000;
    public const int O_NOATIME = 0x40000;
    public const int O_CLOEXEC = 0x80000;
    public const int __O_SYNC = 0x100000;
    public const int O_SYNC = 0x101000;
    public const int O_PATH = 0x200000;
    public const int __O_TMPFILE = 0x400000;
    public const int O_EMPTYPATH = 0x4000000;
    public const int O_TMPFILE = 0x410000;
    public const int O_NDELAY = 0x800;

    // fcntl(2).
    public const int F_DUPFD = 0;
    public const int F_GETFD = 1;
    public const int F_SETFD = 2;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int F_GETLK = 5;
    public const int F_SETLK = 6;
    public const int F_SETLKW = 7;
    public const int F_SETOWN = 8;
    public const int F_GETOWN = 9;
    public const int F_SETSIG = 10;
    public const int F_GETSIG = 11;
    public const int F_SETOWN_EX = 15;
    public const int F_GETOWN_EX = 16;
    public const int F_GETOWNER_UIDS = 17;
    public const int F_OFD_GETLK = 36;
    public const int F_OFD_SETLK = 37;
    public const int F_OFD_SETLKW = 38;
    public const int F_OWNER_TID = 0;
    public const int F_OWNER_PID = 1;
    public const int F_OWNER_PGRP = 2;
    public const int FD_CLOEXEC = 1;
    public const int F_RDLCK = 0;
    public const int F_WRLCK = 1;
    public const int F_UNLCK = 2;
    public const int F_EXLCK = 4;
    public const int F_SHLCK = 8;
    public const int F_LINUX_SPECIFIC_BASE = 1024;
    public const int F_SETLEASE = 0x400;
    public const int F_GETLEASE = 0x401;
    public const int F_NOTIFY = 0x402;
    public const int F_DUPFD_QUERY = 0x403;
    public const int F_CREATED_QUERY = 0x404;
    public const int F_CANCELLK = 0x405;
    public const int F_DUPFD_CLOEXEC = 0x406;
    public const int F_SETPIPE_SZ = 0x407;
    public const int F_GETPIPE_SZ = 0x408;
    public const int F_ADD_SEALS = 0x409;
    public const int F_GET_SEALS = 0x40a;
    public const int F_SEAL_SEAL = 0x0001;
    public const int F_SEAL_SHRINK = 0x0002;
    public const int F_SEAL_GROW = 0x0004;
    public const int F_SEAL_WRITE = 0x0008;
    public const int F_SEAL_FUTURE_WRITE = 0x0010;
    public const int F_SEAL_EXEC = 0x0020;
    public const int F_GET_RW_HINT = 0x40b;
    public const int F_SET_RW_HINT = 0x40c;
    public const int F_GET_FILE_RW_HINT = 0x40d;
    public const int F_SET_FILE_RW_HINT = 0x40e;
    public const int F_GETDELEG = 0x40f;
    public const int F_SETDELEG = 0x410;

    // flock(2).
    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int LOCK_UN = 8;
    public const int LOCK_MAND = 32;
    public const int LOCK_READ = 64;
    public const int LOCK_WRITE = 128;
    public const int LOCK_RW = 192;

    // dnotify.
    public const uint DN_ACCESS = 0x00000001;
    public const uint DN_MODIFY = 0x00000002;
    public const uint DN_CREATE = 0x00000004;
    public const uint DN_DELETE = 0x00000008;
    public const uint DN_RENAME = 0x00000010;
    public const uint DN_ATTRIB = 0x00000020;
    public const uint DN_MULTISHOT = 0x80000000;

    // The *at(2) calls.
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_SYMLINK_FOLLOW = 0x400;
    public const int AT_NO_AUTOMOUNT = 0x800;
    public const int AT_EMPTY_PATH = 0x1000;
    public const int AT_STATX_SYNC_TYPE = 0x6000;
    public const int AT_STATX_SYNC_AS_STAT = 0x0000;
    public const int AT_STATX_FORCE_SYNC = 0x2000;
    public const int AT_STATX_DONT_SYNC = 0x4000;
    public const int AT_RECURSIVE = 0x8000;
    public const int AT_RENAME_NOREPLACE = 0x0001;
    public const int AT_RENAME_EXCHANGE = 0x0002;
    public const int AT_RENAME_WHITEOUT = 0x0004;
    public const int AT_EACCESS = 0x200;
    public const int AT_REMOVEDIR = 0x200;
    public const int AT_HANDLE_FID = 0x200;
    public const int AT_HANDLE_MNT_ID_UNIQUE = 0x001;
    public const int AT_HANDLE_CONNECTABLE = 0x002;
    public const int AT_EXECVE_CHECK = 0x10000;

    // posix_fadvise(2).
    public const int POSIX_FADV_NORMAL = 0;
    public const int POSIX_FADV_RANDOM = 1;
    public const int POSIX_FADV_SEQUENTIAL = 2;
    public const int POSIX_FADV_WILLNEED = 3;
    public const int POSIX_FADV_DONTNEED = 4;
    public const int POSIX_FADV_NOREUSE = 5;

    // lseek(2).
    public const int SEEK_SET = 0;
    public const int SEEK_CUR = 1;
    public const int SEEK_END = 2;
    public const int SEEK_DATA = 3;
    public const int SEEK_HOLE = 4;
    public const int SEEK_MAX = 4;

    // renameat2(2).
    public const uint RENAME_NOREPLACE = 1;
    public const uint RENAME_EXCHANGE = 2;
    public const uint RENAME_WHITEOUT = 4;
}

/// <summary>Modes of access(2) and faccessat2(2).</summary>
[CHeader("unistd.h")]
public static class Access
{
    public const int R_OK = 4;
    public const int W_OK = 2;
    public const int X_OK = 1;
    public const int F_OK = 0;
}

/// <summary>A record lock as fcntl(2) F_SETLK, F_GETLK and the F_OFD_ commands pass it.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct flock", "linux/fcntl.h")]
public struct Flock
{
    public short l_type;
    public short l_whence;
    private int _pad0;
    public long l_start;
    public long l_len;
    public int l_pid;
    private int _pad1;
}

/// <summary>fcntl(2) F_SETOWN_EX and F_GETOWN_EX.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct f_owner_ex", "linux/fcntl.h")]
public struct FOwnerEx
{
    public int type;
    public int pid;
}

/// <summary>The header of name_to_handle_at(2)'s handle; <see cref="handle_bytes"/> bytes follow.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct file_handle", "fcntl.h", Size = "offsetof(struct file_handle, f_handle)")]
public struct FileHandle
{
    public uint handle_bytes;
    public int handle_type;
}
