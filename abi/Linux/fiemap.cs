using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>FS_IOC_FIEMAP, Linux's Documentation/filesystems/fiemap.rst.</summary>
[CHeader("linux/fiemap.h")]
public static class FiemapFlags
{
    public const uint FIEMAP_FLAG_SYNC = 0x00000001;
    public const uint FIEMAP_FLAG_XATTR = 0x00000002;
    public const uint FIEMAP_FLAG_CACHE = 0x00000004;
    public const uint FIEMAP_FLAGS_COMPAT = 3;
    public const uint FIEMAP_EXTENT_LAST = 0x00000001;
    public const uint FIEMAP_EXTENT_UNKNOWN = 0x00000002;
    public const uint FIEMAP_EXTENT_DELALLOC = 0x00000004;
    public const uint FIEMAP_EXTENT_ENCODED = 0x00000008;
    public const uint FIEMAP_EXTENT_DATA_ENCRYPTED = 0x00000080;
    public const uint FIEMAP_EXTENT_NOT_ALIGNED = 0x00000100;
    public const uint FIEMAP_EXTENT_DATA_INLINE = 0x00000200;
    public const uint FIEMAP_EXTENT_DATA_TAIL = 0x00000400;
    public const uint FIEMAP_EXTENT_UNWRITTEN = 0x00000800;
    public const uint FIEMAP_EXTENT_MERGED = 0x00001000;
    public const uint FIEMAP_EXTENT_SHARED = 0x00002000;
}

/// <summary>The request; extents follow.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct fiemap", "linux/fiemap.h", Size = "offsetof(struct fiemap, fm_extents)")]
public struct Fiemap
{
    public ulong fm_start;
    public ulong fm_length;
    public uint fm_flags;
    public uint fm_mapped_extents;
    public uint fm_extent_count;
    private uint _pad0;
}

/// <summary>One extent.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct fiemap_extent", "linux/fiemap.h")]
public struct FiemapExtent
{
    public ulong fe_logical;
    public ulong fe_physical;
    public ulong fe_length;
    private ULongs2 _pad0;
    public uint fe_flags;
    private UInts3 _padEnd;
}
