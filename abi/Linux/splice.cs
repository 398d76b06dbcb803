namespace Abi.Linux;

/// <summary>Flags of splice(2), tee(2) and vmsplice(2).</summary>
[CHeader("fcntl.h")]
public static class Splice
{
    public const uint SPLICE_F_MOVE = 1;
    public const uint SPLICE_F_NONBLOCK = 2;
    public const uint SPLICE_F_MORE = 4;
    public const uint SPLICE_F_GIFT = 8;
}
