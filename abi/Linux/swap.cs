namespace Abi.Linux;

/// <summary>Flags of swapon(2).</summary>
[CHeader("sys/swap.h")]
public static class Swap
{
    public const int SWAP_FLAG_PREFER = 0x8000;
    public const int SWAP_FLAG_PRIO_MASK = 0x7fff;
    public const int SWAP_FLAG_PRIO_SHIFT = 0;
    public const int SWAP_FLAG_DISCARD = 0x10000;
}
