namespace Abi.Linux;

/// <summary>linux/limits.h.</summary>
[CHeader("linux/limits.h")]
public static class Limits
{
    public const int NR_OPEN = 1024;
    public const int NGROUPS_MAX = 65536;
    public const int ARG_MAX = 131072;
    public const int LINK_MAX = 127;
    public const int MAX_CANON = 255;
    public const int MAX_INPUT = 255;
    public const int NAME_MAX = 255;
    public const int PATH_MAX = 4096;
    public const int PIPE_BUF = 4096;
    public const int XATTR_NAME_MAX = 255;
    public const int XATTR_SIZE_MAX = 65536;
    public const int XATTR_LIST_MAX = 65536;
    public const int RTSIG_MAX = 32;
}
