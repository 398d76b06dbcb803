using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>d_type of getdents64(2).</summary>
[CHeader("dirent.h")]
public static class Dirent
{
    public const byte DT_UNKNOWN = 0;
    public const byte DT_FIFO = 1;
    public const byte DT_CHR = 2;
    public const byte DT_DIR = 4;
    public const byte DT_BLK = 6;
    public const byte DT_REG = 8;
    public const byte DT_LNK = 10;
    public const byte DT_SOCK = 12;
    public const byte DT_WHT = 14;
}

/// <summary>The head of a getdents64(2) record, 19 bytes; the name follows with its NUL.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CType("struct dirent64", "dirent.h", Size = "offsetof(struct dirent64, d_name)")]
public struct LinuxDirent64
{
    public ulong d_ino;
    public long d_off;
    public ushort d_reclen;
    public byte d_type;
}

/// <summary>
/// The head of an old getdents(2) record, 18 bytes; the name follows, d_type is the last byte of the
/// record.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CType("struct linux_dirent", "linux/dirent.h")]
public struct LinuxDirent
{
    public ulong d_ino;
    public ulong d_off;
    public ushort d_reclen;
}
