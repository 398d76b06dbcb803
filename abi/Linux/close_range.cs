namespace Abi.Linux;

/// <summary>Flags of close_range(2).</summary>
[CHeader("linux/close_range.h")]
public static class CloseRange
{
    public const uint CLOSE_RANGE_UNSHARE = 2;
    public const uint CLOSE_RANGE_CLOEXEC = 4;
}
