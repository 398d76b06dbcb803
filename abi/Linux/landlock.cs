using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Flags and rights of landlock(7).</summary>
[CHeader("linux/landlock.h")]
public static class Landlock
{
    public const uint LANDLOCK_CREATE_RULESET_VERSION = 1;
    public const uint LANDLOCK_CREATE_RULESET_ERRATA = 2;
    public const uint LANDLOCK_ADD_RULE_QUIET = 1;
    public const uint LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF = 1;
    public const uint LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON = 2;
    public const uint LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF = 4;
    public const uint LANDLOCK_RESTRICT_SELF_TSYNC = 8;
    public const uint LANDLOCK_RULE_PATH_BENEATH = 1;
    public const uint LANDLOCK_RULE_NET_PORT = 2;

    // Rights and scopes.
    public const ulong LANDLOCK_ACCESS_FS_EXECUTE = 1;
    public const ulong LANDLOCK_ACCESS_FS_WRITE_FILE = 2;
    public const ulong LANDLOCK_ACCESS_FS_READ_FILE = 4;
    public const ulong LANDLOCK_ACCESS_FS_READ_DIR = 8;
    public const ulong LANDLOCK_ACCESS_FS_REMOVE_DIR = 0x10;
    public const ulong LANDLOCK_ACCESS_FS_REMOVE_FILE = 0x20;
    public const ulong LANDLOCK_ACCESS_FS_MAKE_CHAR = 0x40;
    public const ulong LANDLOCK_ACCESS_FS_MAKE_DIR = 0x80;
    public const ulong LANDLOCK_ACCESS_FS_MAKE_REG = 0x100;
    public const ulong LANDLOCK_ACCESS_FS_MAKE_SOCK = 0x200;
    public const ulong LANDLOCK_ACCESS_FS_MAKE_FIFO = 0x400;
    public const ulong LANDLOCK_ACCESS_FS_MAKE_BLOCK = 0x800;
    public const ulong LANDLOCK_ACCESS_FS_MAKE_SYM = 0x1000;
    public const ulong LANDLOCK_ACCESS_FS_REFER = 0x2000;
    public const ulong LANDLOCK_ACCESS_FS_TRUNCATE = 0x4000;
    public const ulong LANDLOCK_ACCESS_FS_IOCTL_DEV = 0x8000;
    public const ulong LANDLOCK_ACCESS_FS_RESOLVE_UNIX = 0x10000;
    public const ulong LANDLOCK_ACCESS_NET_BIND_TCP = 1;
    public const ulong LANDLOCK_ACCESS_NET_CONNECT_TCP = 2;
    public const ulong LANDLOCK_ACCESS_NET_BIND_UDP = 4;
    public const ulong LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP = 8;
    public const ulong LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1;
    public const ulong LANDLOCK_SCOPE_SIGNAL = 2;
}

/// <summary>landlock_create_ruleset(2), the first version of 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct landlock_ruleset_attr", "linux/landlock.h", Size = "sizeof(__u64)")]
public struct LandlockRulesetAttr
{
    public ulong handled_access_fs;
}

/// <summary>landlock_add_rule(2), packed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
[CType("struct landlock_path_beneath_attr", "linux/landlock.h")]
public struct LandlockPathBeneathAttr
{
    public ulong allowed_access;
    public int parent_fd;
}
