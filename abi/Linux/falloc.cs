namespace Abi.Linux;

/// <summary>Modes of fallocate(2).</summary>
[CHeader("linux/falloc.h")]
public static class Falloc
{
    public const int FALLOC_FL_ALLOCATE_RANGE = 0x00;
    public const int FALLOC_FL_KEEP_SIZE = 0x01;
    public const int FALLOC_FL_PUNCH_HOLE = 0x02;
    public const int FALLOC_FL_NO_HIDE_STALE = 0x04;
    public const int FALLOC_FL_COLLAPSE_RANGE = 0x08;
    public const int FALLOC_FL_ZERO_RANGE = 0x10;
    public const int FALLOC_FL_INSERT_RANGE = 0x20;
    public const int FALLOC_FL_UNSHARE_RANGE = 0x40;
    public const int FALLOC_FL_WRITE_ZEROES = 0x80;
}
