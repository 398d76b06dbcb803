using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>ioctls of files, ioctl_fs(2), ioctl_iflags(2), ioctl_ficlonerange(2), and of block devices.</summary>
[CHeader("stddef.h", "linux/fs.h", "linux/fiemap.h")]
public static class FsIoctls
{
    // Any file.
    public const uint FIBMAP = 0x00000001;
    public const uint FIGETBSZ = 0x00000002;
    public const uint FIFREEZE = 0xc0045877;
    public const uint FITHAW = 0xc0045878;
    public const uint FITRIM = 0xc0185879;
    public const uint FICLONE = 0x40049409;
    public const uint FICLONERANGE = 0x4020940d;
    public const uint FIDEDUPERANGE = 0xc0189436;
    public const uint FS_IOC_GETFLAGS = 0x80086601;
    public const uint FS_IOC_SETFLAGS = 0x40086602;
    public const uint FS_IOC_GETVERSION = 0x80087601;
    public const uint FS_IOC_SETVERSION = 0x40087602;
    public const uint FS_IOC_FIEMAP = 0xc020660b;
    public const uint FS_IOC32_GETFLAGS = 0x80046601;
    public const uint FS_IOC32_SETFLAGS = 0x40046602;
    public const uint FS_IOC32_GETVERSION = 0x80047601;
    public const uint FS_IOC32_SETVERSION = 0x40047602;
    public const uint FS_IOC_FSGETXATTR = 0x801c581f;
    public const uint FS_IOC_FSSETXATTR = 0x401c5820;
    public const uint FS_IOC_GETFSLABEL = 0x81009431;
    public const uint FS_IOC_SETFSLABEL = 0x41009432;
    public const uint FS_IOC_GETFSUUID = 0x80111500;
    public const uint FS_IOC_GETFSSYSFSPATH = 0x80811501;
    public const uint FS_IOC_SHUTDOWN = 0x8004587d;

    // Block devices.
    public const uint BLKROSET = 0x0000125d;
    public const uint BLKROGET = 0x0000125e;
    public const uint BLKRRPART = 0x0000125f;
    public const uint BLKGETSIZE = 0x00001260;
    public const uint BLKFLSBUF = 0x00001261;
    public const uint BLKRASET = 0x00001262;
    public const uint BLKRAGET = 0x00001263;
    public const uint BLKFRASET = 0x00001264;
    public const uint BLKFRAGET = 0x00001265;
    public const uint BLKSECTSET = 0x00001266;
    public const uint BLKSECTGET = 0x00001267;
    public const uint BLKSSZGET = 0x00001268;
    public const uint BLKBSZGET = 0x80081270;
    public const uint BLKBSZSET = 0x40081271;
    public const uint BLKGETSIZE64 = 0x80081272;
    public const uint BLKDISCARD = 0x00001277;
    public const uint BLKIOMIN = 0x00001278;
    public const uint BLKIOOPT = 0x00001279;
    public const uint BLKALIGNOFF = 0x0000127a;
    public const uint BLKPBSZGET = 0x0000127b;
    public const uint BLKDISCARDZEROES = 0x0000127c;
    public const uint BLKSECDISCARD = 0x0000127d;
    public const uint BLKROTATIONAL = 0x0000127e;
    public const uint BLKZEROOUT = 0x0000127f;
    public const uint BLKGETDISKSEQ = 0x80081280;
}

/// <summary>Inode flags of FS_IOC_GETFLAGS and FS_IOC_FSGETXATTR, ioctl_iflags(2).</summary>
[CHeader("linux/fs.h")]
public static class InodeFlags
{
    public const uint FS_SECRM_FL = 0x00000001;
    public const uint FS_UNRM_FL = 0x00000002;
    public const uint FS_COMPR_FL = 0x00000004;
    public const uint FS_SYNC_FL = 0x00000008;
    public const uint FS_IMMUTABLE_FL = 0x00000010;
    public const uint FS_APPEND_FL = 0x00000020;
    public const uint FS_NODUMP_FL = 0x00000040;
    public const uint FS_NOATIME_FL = 0x00000080;
    public const uint FS_DIRTY_FL = 0x00000100;
    public const uint FS_COMPRBLK_FL = 0x00000200;
    public const uint FS_NOCOMP_FL = 0x00000400;
    public const uint FS_ENCRYPT_FL = 0x00000800;
    public const uint FS_BTREE_FL = 0x00001000;
    public const uint FS_INDEX_FL = 0x00001000;
    public const uint FS_IMAGIC_FL = 0x00002000;
    public const uint FS_JOURNAL_DATA_FL = 0x00004000;
    public const uint FS_NOTAIL_FL = 0x00008000;
    public const uint FS_DIRSYNC_FL = 0x00010000;
    public const uint FS_TOPDIR_FL = 0x00020000;
    public const uint FS_HUGE_FILE_FL = 0x00040000;
    public const uint FS_EXTENT_FL = 0x00080000;
    public const uint FS_VERITY_FL = 0x00100000;
    public const uint FS_EA_INODE_FL = 0x00200000;
    public const uint FS_EOFBLOCKS_FL = 0x00400000;
    public const uint FS_NOCOW_FL = 0x00800000;
    public const uint FS_DAX_FL = 0x02000000;
    public const uint FS_INLINE_DATA_FL = 0x10000000;
    public const uint FS_PROJINHERIT_FL = 0x20000000;
    public const uint FS_CASEFOLD_FL = 0x40000000;
    public const uint FS_RESERVED_FL = 0x80000000;
    public const uint FS_FL_USER_VISIBLE = 0x0003dfff;
    public const uint FS_FL_USER_MODIFIABLE = 0x000380ff;

    public const uint FS_XFLAG_REALTIME = 0x00000001;
    public const uint FS_XFLAG_PREALLOC = 0x00000002;
    public const uint FS_XFLAG_IMMUTABLE = 0x00000008;
    public const uint FS_XFLAG_APPEND = 0x00000010;
    public const uint FS_XFLAG_SYNC = 0x00000020;
    public const uint FS_XFLAG_NOATIME = 0x00000040;
    public const uint FS_XFLAG_NODUMP = 0x00000080;
    public const uint FS_XFLAG_RTINHERIT = 0x00000100;
    public const uint FS_XFLAG_PROJINHERIT = 0x00000200;
    public const uint FS_XFLAG_NOSYMLINKS = 0x00000400;
    public const uint FS_XFLAG_EXTSIZE = 0x00000800;
    public const uint FS_XFLAG_EXTSZINHERIT = 0x00001000;
    public const uint FS_XFLAG_NODEFRAG = 0x00002000;
    public const uint FS_XFLAG_FILESTREAM = 0x00004000;
    public const uint FS_XFLAG_DAX = 0x00008000;
    public const uint FS_XFLAG_COWEXTSIZE = 0x00010000;
    public const uint FS_XFLAG_VERITY = 0x00020000;
    public const uint FS_XFLAG_CASEFOLD = 0x00040000;
    public const uint FS_XFLAG_CASENONPRESERVING = 0x00080000;
    public const uint FS_XFLAG_HASATTR = 0x80000000;
}

/// <summary>Flags of sync_file_range(2).</summary>
[CHeader("linux/fs.h")]
public static class SyncFileRange
{
    public const uint SYNC_FILE_RANGE_WAIT_BEFORE = 1;
    public const uint SYNC_FILE_RANGE_WRITE = 2;
    public const uint SYNC_FILE_RANGE_WAIT_AFTER = 4;
    public const uint SYNC_FILE_RANGE_WRITE_AND_WAIT = 7;
}

/// <summary>FICLONERANGE.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct file_clone_range", "linux/fs.h")]
public struct FileCloneRange
{
    public long src_fd;
    public ulong src_offset;
    public ulong src_length;
    public ulong dest_offset;
}

/// <summary>FITRIM.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct fstrim_range", "linux/fs.h")]
public struct FstrimRange
{
    public ulong start;
    public ulong len;
    public ulong minlen;
}

/// <summary>FS_IOC_FSGETXATTR.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct fsxattr", "linux/fs.h")]
public struct FsXattr
{
    public uint fsx_xflags;
    public uint fsx_extsize;
    public uint fsx_nextents;
    public uint fsx_projid;
    public uint fsx_cowextsize;
    private Bytes8 _padEnd;
}

/// <summary>file_getattr(2), Linux 6.17.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct file_attr", "linux/fs.h")]
public struct FileAttr
{
    public ulong fa_xflags;
    public uint fa_extsize;
    public uint fa_nextents;
    public uint fa_projid;
    public uint fa_cowextsize;
}

/// <summary>Flags of a file, ioctl_iflags(2).</summary>
[CHeader("stddef.h", "linux/fs.h")]
public static class FileFlags
{
    public const uint FS_IMMUTABLE_FL = 0x00000010;
    public const uint FS_APPEND_FL = 0x00000020;
    public const uint FS_NODUMP_FL = 0x00000040;
    public const uint FS_NOATIME_FL = 0x00000080;
}
