using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>File types and permission bits of st_mode, inode(7).</summary>
[CHeader("linux/stat.h")]
public static class StatMode
{
    public const uint S_IFMT = 0xf000; // 00170000
    public const uint S_IFSOCK = 0xc000; // 0140000
    public const uint S_IFLNK = 0xa000; // 0120000
    public const uint S_IFREG = 0x8000; // 0100000
    public const uint S_IFBLK = 0x6000; // 0060000
    public const uint S_IFDIR = 0x4000; // 0040000
    public const uint S_IFCHR = 0x2000; // 0020000
    public const uint S_IFIFO = 0x1000; // 0010000
    public const uint S_ISUID = 0x800; // 0004000
    public const uint S_ISGID = 0x400; // 0002000
    public const uint S_ISVTX = 0x200; // 0001000
    public const uint S_IRWXU = 0x1c0; // 00700
    public const uint S_IRUSR = 0x100; // 00400
    public const uint S_IWUSR = 0x80; // 00200
    public const uint S_IXUSR = 0x40; // 00100
    public const uint S_IRWXG = 0x38; // 00070
    public const uint S_IRGRP = 0x20; // 00040
    public const uint S_IWGRP = 0x10; // 00020
    public const uint S_IXGRP = 0x8; // 00010
    public const uint S_IRWXO = 7;
    public const uint S_IROTH = 4;
    public const uint S_IWOTH = 2;
    public const uint S_IXOTH = 1;
}

/// <summary>Masks and attributes of statx(2).</summary>
[CHeader("linux/stat.h")]
public static class StatxMask
{
    // stx_mask.
    public const uint STATX_TYPE = 0x00000001;
    public const uint STATX_MODE = 0x00000002;
    public const uint STATX_NLINK = 0x00000004;
    public const uint STATX_UID = 0x00000008;
    public const uint STATX_GID = 0x00000010;
    public const uint STATX_ATIME = 0x00000020;
    public const uint STATX_MTIME = 0x00000040;
    public const uint STATX_CTIME = 0x00000080;
    public const uint STATX_INO = 0x00000100;
    public const uint STATX_SIZE = 0x00000200;
    public const uint STATX_BLOCKS = 0x00000400;
    public const uint STATX_BASIC_STATS = 0x000007ff;
    public const uint STATX_BTIME = 0x00000800;
    public const uint STATX_MNT_ID = 0x00001000;
    public const uint STATX_DIOALIGN = 0x00002000;
    public const uint STATX_MNT_ID_UNIQUE = 0x00004000;
    public const uint STATX_SUBVOL = 0x00008000;
    public const uint STATX_WRITE_ATOMIC = 0x00010000;
    public const uint STATX_DIO_READ_ALIGN = 0x00020000;
    public const uint STATX_ALL = 0x00000fff;

    // Reserved bit of the mask.
    public const uint STATX__RESERVED = 0x80000000;

    // stx_attributes.
    public const ulong STATX_ATTR_COMPRESSED = 0x00000004;
    public const ulong STATX_ATTR_IMMUTABLE = 0x00000010;
    public const ulong STATX_ATTR_APPEND = 0x00000020;
    public const ulong STATX_ATTR_NODUMP = 0x00000040;
    public const ulong STATX_ATTR_ENCRYPTED = 0x00000800;
    public const ulong STATX_ATTR_AUTOMOUNT = 0x00001000;
    public const ulong STATX_ATTR_MOUNT_ROOT = 0x00002000;
    public const ulong STATX_ATTR_VERITY = 0x00100000;
    public const ulong STATX_ATTR_DAX = 0x00200000;
    public const ulong STATX_ATTR_WRITE_ATOMIC = 0x00400000;
}

/// <summary>stat(2) as the x86-64 kernel writes it.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct stat", "asm/stat.h")]
public struct Stat
{
    public ulong st_dev;
    public ulong st_ino;
    public ulong st_nlink;
    public uint st_mode;
    public uint st_uid;
    public uint st_gid;
    private uint _pad0;
    public ulong st_rdev;
    public long st_size;
    public long st_blksize;
    public long st_blocks;
    public ulong st_atime;
    public ulong st_atime_nsec;
    public ulong st_mtime;
    public ulong st_mtime_nsec;
    public ulong st_ctime;
    public ulong st_ctime_nsec;
    private Longs3 _padEnd;
}

/// <summary>A time in <see cref="Statx"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct statx_timestamp", "linux/stat.h")]
public struct StatxTimestamp
{
    public long tv_sec;
    public uint tv_nsec;
    private int _pad0;
}

/// <summary>statx(2). The tail grows with the kernel; the size is fixed at 256 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct statx", "linux/stat.h")]
public struct Statx
{
    public uint stx_mask;
    public uint stx_blksize;
    public ulong stx_attributes;
    public uint stx_nlink;
    public uint stx_uid;
    public uint stx_gid;
    public ushort stx_mode;
    private ushort _pad0;
    public ulong stx_ino;
    public ulong stx_size;
    public ulong stx_blocks;
    public ulong stx_attributes_mask;
    public StatxTimestamp stx_atime;
    public StatxTimestamp stx_btime;
    public StatxTimestamp stx_ctime;
    public StatxTimestamp stx_mtime;
    public uint stx_rdev_major;
    public uint stx_rdev_minor;
    public uint stx_dev_major;
    public uint stx_dev_minor;
    public ulong stx_mnt_id;
    public uint stx_dio_mem_align;
    public uint stx_dio_offset_align;

    /// <summary>Since Linux 6.10.</summary>
    public ulong stx_subvol;

    /// <summary>Since Linux 6.11.</summary>
    public uint stx_atomic_write_unit_min;
    public uint stx_atomic_write_unit_max;
    public uint stx_atomic_write_segments_max;

    /// <summary>Since Linux 6.14.</summary>
    public uint stx_dio_read_offset_align;

    /// <summary>Since Linux 6.16.</summary>
    public uint stx_atomic_write_unit_max_opt;
    private uint _pad1;
    private ULongs8 _padEnd;
}
