namespace Abi.Linux;

/// <summary>Generic netlink and its controller (linux/genetlink.h).</summary>
[CHeader("linux/genetlink.h")]
public static class GenericNetlink
{
    public const int GENL_ID_CTRL = 16;
    public const int GENL_HDRLEN = 4;
    public const int GENL_NAMSIZ = 16;
    public const int GENL_ADMIN_PERM = 1;
    public const int GENL_CMD_CAP_DO = 2;
    public const int GENL_CMD_CAP_DUMP = 4;
    public const int GENL_CMD_CAP_HASPOL = 8;
    public const int CTRL_CMD_NEWFAMILY = 1;
    public const int CTRL_CMD_GETFAMILY = 3;
    public const int CTRL_ATTR_FAMILY_ID = 1;
    public const int CTRL_ATTR_FAMILY_NAME = 2;
    public const int CTRL_ATTR_VERSION = 3;
    public const int CTRL_ATTR_HDRSIZE = 4;
    public const int CTRL_ATTR_MAXATTR = 5;
    public const int CTRL_ATTR_OPS = 6;
    public const int CTRL_ATTR_OP_ID = 1;
    public const int CTRL_ATTR_OP_FLAGS = 2;
}
