using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Flags of setxattr(2) and lengths of the name spaces, xattr(7).</summary>
[CHeader("linux/xattr.h")]
public static class Xattr
{
    public const int XATTR_CREATE = 0x1;
    public const int XATTR_REPLACE = 0x2;

    public const int XATTR_SECURITY_PREFIX_LEN = 9;
    public const int XATTR_SYSTEM_PREFIX_LEN = 7;
    public const int XATTR_TRUSTED_PREFIX_LEN = 8;
    public const int XATTR_USER_PREFIX_LEN = 5;

    // Name spaces and names.
    public const string XATTR_USER_PREFIX = "user.";
    public const string XATTR_TRUSTED_PREFIX = "trusted.";
    public const string XATTR_SECURITY_PREFIX = "security.";
    public const string XATTR_SYSTEM_PREFIX = "system.";
    public const string XATTR_NAME_CAPS = "security.capability";
    public const string XATTR_NAME_POSIX_ACL_ACCESS = "system.posix_acl_access";
    public const string XATTR_NAME_POSIX_ACL_DEFAULT = "system.posix_acl_default";
}

/// <summary>setxattrat(2), getxattrat(2), Linux 6.13.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct xattr_args", "linux/xattr.h")]
public struct XattrArgs
{
    public ulong value;
    public uint size;
    public uint flags;
}
