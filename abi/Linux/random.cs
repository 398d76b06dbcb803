namespace Abi.Linux;

/// <summary>Flags of getrandom(2) and ioctls of random(4).</summary>
[CHeader("linux/random.h")]
public static class Grnd
{
    public const uint GRND_NONBLOCK = 0x0001;
    public const uint GRND_RANDOM = 0x0002;
    public const uint GRND_INSECURE = 0x0004;

    public const uint RNDGETENTCNT = 0x80045200;
    public const uint RNDADDTOENTCNT = 0x40045201;
    public const uint RNDGETPOOL = 0x80085202;
    public const uint RNDADDENTROPY = 0x40085203;
    public const uint RNDZAPENTCNT = 0x00005204;
    public const uint RNDCLEARPOOL = 0x00005206;
    public const uint RNDRESEEDCRNG = 0x00005207;
}
