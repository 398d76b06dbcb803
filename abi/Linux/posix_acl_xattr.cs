using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>The system.posix_acl_ attributes, acl(5).</summary>
[CHeader("linux/posix_acl.h", "linux/posix_acl_xattr.h")]
public static class PosixAcl
{
    public const uint POSIX_ACL_XATTR_VERSION = 0x0002;

    public const ushort ACL_USER_OBJ = 0x01;
    public const ushort ACL_USER = 0x02;
    public const ushort ACL_GROUP_OBJ = 0x04;
    public const ushort ACL_GROUP = 0x08;
    public const ushort ACL_MASK = 0x10;
    public const ushort ACL_OTHER = 0x20;
    public const ushort ACL_READ = 0x04;
    public const ushort ACL_WRITE = 0x02;
    public const ushort ACL_EXECUTE = 0x01;

    public const uint ACL_UNDEFINED_ID = 0xffffffff;
}

/// <summary>One entry.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct posix_acl_xattr_entry", "linux/posix_acl_xattr.h")]
public struct PosixAclXattrEntry
{
    public ushort e_tag;
    public ushort e_perm;
    public uint e_id;
}

/// <summary>The header.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct posix_acl_xattr_header", "linux/posix_acl_xattr.h")]
public struct PosixAclXattrHeader
{
    public uint a_version;
}
