using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>f_flags of statfs(2).</summary>
[CHeader("sys/statvfs.h")]
public static class StatfsFlags
{
    public const long ST_RDONLY = 1;
    public const long ST_NOSUID = 2;
    public const long ST_NODEV = 4;
    public const long ST_NOEXEC = 8;
    public const long ST_SYNCHRONOUS = 16;
    public const long ST_MANDLOCK = 64;
    public const long ST_WRITE = 128;
    public const long ST_APPEND = 256;
    public const long ST_IMMUTABLE = 512;
    public const long ST_NOATIME = 1024;
    public const long ST_NODIRATIME = 2048;
    public const long ST_RELATIME = 4096;

    // Bits of the kernel that glibc hides, include/linux/statfs.h.
    public const long ST_VALID = 0x20;
    public const long ST_NOSYMFOLLOW = 0x2000;
}

/// <summary>statfs(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct statfs", "asm/statfs.h")]
public struct Statfs
{
    public long f_type;
    public long f_bsize;
    public long f_blocks;
    public long f_bfree;
    public long f_bavail;
    public long f_files;
    public long f_ffree;
    public Ints2 f_fsid;
    public long f_namelen;
    public long f_frsize;
    public long f_flags;
    public Longs4 f_spare;
}

/// <summary>ustat(2).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Ustat
{
    public int f_tfree;
    private int _pad;
    public ulong f_tinode;

    /// <summary>f_fname, f_fpack: always empty.</summary>
    private ulong _padNames;
    private ulong _padEnd;
}
