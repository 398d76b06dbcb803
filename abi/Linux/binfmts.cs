namespace Abi.Linux;

/// <summary>Limits of execve(2).</summary>
[CHeader("linux/binfmts.h")]
public static class Binfmts
{
    public const uint MAX_ARG_STRINGS = 0x7fffffff;
    public const uint BINPRM_BUF_SIZE = 256;
    public const uint AT_FLAGS_PRESERVE_ARGV0_BIT = 0;
    public const uint AT_FLAGS_PRESERVE_ARGV0 = 1;

    /// <summary>Longest argument or environment string, with its NUL: 32 pages.</summary>
    [CField("(32 * 4096)")]
    public const uint MAX_ARG_STRLEN = 131072;
}
