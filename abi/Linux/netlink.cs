using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Families, types and flags of netlink(7).</summary>
[CHeader("linux/netlink.h")]
public static class Netlink
{
    // Protocols.
    public const int NETLINK_ROUTE = 0;
    public const int NETLINK_UNUSED = 1;
    public const int NETLINK_USERSOCK = 2;
    public const int NETLINK_FIREWALL = 3;
    public const int NETLINK_SOCK_DIAG = 4;
    public const int NETLINK_NFLOG = 5;
    public const int NETLINK_XFRM = 6;
    public const int NETLINK_SELINUX = 7;
    public const int NETLINK_ISCSI = 8;
    public const int NETLINK_AUDIT = 9;
    public const int NETLINK_FIB_LOOKUP = 10;
    public const int NETLINK_CONNECTOR = 11;
    public const int NETLINK_NETFILTER = 12;
    public const int NETLINK_IP6_FW = 13;
    public const int NETLINK_DNRTMSG = 14;
    public const int NETLINK_KOBJECT_UEVENT = 15;
    public const int NETLINK_GENERIC = 16;
    public const int NETLINK_SCSITRANSPORT = 18;
    public const int NETLINK_ECRYPTFS = 19;
    public const int NETLINK_RDMA = 20;
    public const int NETLINK_CRYPTO = 21;
    public const int NETLINK_SMC = 22;

    // Options.
    public const int NETLINK_ADD_MEMBERSHIP = 1;
    public const int NETLINK_DROP_MEMBERSHIP = 2;
    public const int NETLINK_PKTINFO = 3;
    public const int NETLINK_BROADCAST_ERROR = 4;
    public const int NETLINK_NO_ENOBUFS = 5;
    public const int NETLINK_LISTEN_ALL_NSID = 8;
    public const int NETLINK_LIST_MEMBERSHIPS = 9;
    public const int NETLINK_CAP_ACK = 10;
    public const int NETLINK_EXT_ACK = 11;
    public const int NETLINK_GET_STRICT_CHK = 12;

    // Message flags.
    public const ushort NLM_F_REQUEST = 0x01;
    public const ushort NLM_F_MULTI = 0x02;
    public const ushort NLM_F_ACK = 0x04;
    public const ushort NLM_F_ECHO = 0x08;
    public const ushort NLM_F_DUMP_INTR = 0x10;
    public const ushort NLM_F_DUMP_FILTERED = 0x20;
    public const ushort NLM_F_ROOT = 0x100;
    public const ushort NLM_F_MATCH = 0x200;
    public const ushort NLM_F_ATOMIC = 0x400;
    public const ushort NLM_F_DUMP = 0x300;
    public const ushort NLM_F_REPLACE = 0x100;
    public const ushort NLM_F_EXCL = 0x200;
    public const ushort NLM_F_CREATE = 0x400;
    public const ushort NLM_F_APPEND = 0x800;
    public const ushort NLM_F_NONREC = 0x100;
    public const ushort NLM_F_BULK = 0x200;
    public const ushort NLM_F_CAPPED = 0x100;
    public const ushort NLM_F_ACK_TLVS = 0x200;

    // Message types.
    public const ushort NLMSG_NOOP = 0x1;
    public const ushort NLMSG_ERROR = 0x2;
    public const ushort NLMSG_DONE = 0x3;
    public const ushort NLMSG_OVERRUN = 0x4;
    public const ushort NLMSG_MIN_TYPE = 0x10;

    // Alignment.
    public const int NLMSG_ALIGNTO = 4;
    public const int NLMSG_HDRLEN = 16;
    public const int NLA_ALIGNTO = 4;
    public const int NLA_HDRLEN = 4;

    public const ushort NLA_F_NESTED = 0x8000;
    public const ushort NLA_F_NET_BYTEORDER = 0x4000;

    // Extended answers.
    public const ushort NLMSGERR_ATTR_MSG = 1;
    public const ushort NLMSGERR_ATTR_OFFS = 2;
    public const ushort NLMSGERR_ATTR_COOKIE = 3;
}

/// <summary>An address.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sockaddr_nl", "linux/netlink.h")]
public struct SockaddrNl
{
    public ushort nl_family;
    private ushort _pad0;
    public uint nl_pid;
    public uint nl_groups;
}

/// <summary>A message header.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct nlmsghdr", "linux/netlink.h")]
public struct Nlmsghdr
{
    public uint nlmsg_len;
    public ushort nlmsg_type;
    public ushort nlmsg_flags;
    public uint nlmsg_seq;
    public uint nlmsg_pid;
}

/// <summary>NLMSG_ERROR.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct nlmsgerr", "linux/netlink.h")]
public struct Nlmsgerr
{
    public int error;
    public Nlmsghdr msg;
}

/// <summary>An attribute header.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct nlattr", "linux/netlink.h")]
public struct Nlattr
{
    public ushort nla_len;
    public ushort nla_type;
}
