using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Protocols and options of ip(7).</summary>
[CHeader("netinet/in.h")]
public static class In
{
    // Protocols.
    public const int IPPROTO_IP = 0;
    public const int IPPROTO_ICMP = 1;
    public const int IPPROTO_IGMP = 2;
    public const int IPPROTO_IPIP = 4;
    public const int IPPROTO_TCP = 6;
    public const int IPPROTO_EGP = 8;
    public const int IPPROTO_PUP = 12;
    public const int IPPROTO_UDP = 17;
    public const int IPPROTO_IDP = 22;
    public const int IPPROTO_TP = 29;
    public const int IPPROTO_DCCP = 33;
    public const int IPPROTO_IPV6 = 41;
    public const int IPPROTO_RSVP = 46;
    public const int IPPROTO_GRE = 47;
    public const int IPPROTO_ESP = 50;
    public const int IPPROTO_AH = 51;
    public const int IPPROTO_MTP = 92;
    public const int IPPROTO_BEETPH = 94;
    public const int IPPROTO_ENCAP = 98;
    public const int IPPROTO_PIM = 103;
    public const int IPPROTO_COMP = 108;
    public const int IPPROTO_SCTP = 132;
    public const int IPPROTO_UDPLITE = 136;
    public const int IPPROTO_MPLS = 137;
    public const int IPPROTO_ETHERNET = 143;
    public const int IPPROTO_RAW = 255;
    public const int IPPROTO_MPTCP = 262;
    public const int IPPROTO_HOPOPTS = 0;
    public const int IPPROTO_ROUTING = 43;
    public const int IPPROTO_FRAGMENT = 44;
    public const int IPPROTO_ICMPV6 = 58;
    public const int IPPROTO_NONE = 59;
    public const int IPPROTO_DSTOPTS = 60;
    public const int IPPROTO_MH = 135;

    // Addresses.
    public const uint INADDR_ANY = 0;
    public const uint INADDR_BROADCAST = 0xffffffff;
    public const uint INADDR_NONE = 0xffffffff;
    public const uint INADDR_DUMMY = 0xc0000008;
    public const uint INADDR_LOOPBACK = 0x7f000001;
    public const uint INADDR_UNSPEC_GROUP = 0xe0000000;
    public const uint INADDR_ALLHOSTS_GROUP = 0xe0000001;
    public const uint INADDR_ALLRTRS_GROUP = 0xe0000002;
    public const uint INADDR_ALLSNOOPERS_GROUP = 0xe000006a;
    public const uint INADDR_MAX_LOCAL_GROUP = 0xe00000ff;

    // Socket options.
    public const int IP_OPTIONS = 4;
    public const int IP_HDRINCL = 3;
    public const int IP_TOS = 1;
    public const int IP_TTL = 2;
    public const int IP_RECVOPTS = 6;
    public const int IP_RECVRETOPTS = 7;
    public const int IP_RETOPTS = 7;
    public const int IP_ROUTER_ALERT = 5;
    public const int IP_PKTINFO = 8;
    public const int IP_PKTOPTIONS = 9;
    public const int IP_PMTUDISC = 10;
    public const int IP_MTU_DISCOVER = 10;
    public const int IP_RECVERR = 11;
    public const int IP_RECVTTL = 12;
    public const int IP_RECVTOS = 13;
    public const int IP_MTU = 14;
    public const int IP_FREEBIND = 15;
    public const int IP_IPSEC_POLICY = 16;
    public const int IP_XFRM_POLICY = 17;
    public const int IP_PASSSEC = 18;
    public const int IP_TRANSPARENT = 19;
    public const int IP_ORIGDSTADDR = 20;
    public const int IP_RECVORIGDSTADDR = 20;
    public const int IP_MINTTL = 21;
    public const int IP_NODEFRAG = 22;
    public const int IP_CHECKSUM = 23;
    public const int IP_BIND_ADDRESS_NO_PORT = 24;
    public const int IP_RECVFRAGSIZE = 25;
    public const int IP_RECVERR_RFC4884 = 26;
    public const int IP_PMTUDISC_DONT = 0;
    public const int IP_PMTUDISC_WANT = 1;
    public const int IP_PMTUDISC_DO = 2;
    public const int IP_PMTUDISC_PROBE = 3;
    public const int IP_PMTUDISC_INTERFACE = 4;
    public const int IP_PMTUDISC_OMIT = 5;
    public const int IP_MULTICAST_IF = 32;
    public const int IP_MULTICAST_TTL = 33;
    public const int IP_MULTICAST_LOOP = 34;
    public const int IP_ADD_MEMBERSHIP = 35;
    public const int IP_DROP_MEMBERSHIP = 36;
    public const int IP_UNBLOCK_SOURCE = 37;
    public const int IP_BLOCK_SOURCE = 38;
    public const int IP_ADD_SOURCE_MEMBERSHIP = 39;
    public const int IP_DROP_SOURCE_MEMBERSHIP = 40;
    public const int IP_MSFILTER = 41;
    public const int IP_MULTICAST_ALL = 49;
    public const int IP_UNICAST_IF = 50;
    public const int IP_DEFAULT_MULTICAST_TTL = 1;
    public const int IP_DEFAULT_MULTICAST_LOOP = 1;
    public const int IP_MAX_MEMBERSHIPS = 20;
    public const int IPV6_ADDRFORM = 1;
    public const int IPV6_2292PKTINFO = 2;
    public const int IPV6_2292HOPOPTS = 3;
    public const int IPV6_2292DSTOPTS = 4;
    public const int IPV6_2292RTHDR = 5;
    public const int IPV6_2292PKTOPTIONS = 6;
    public const int IPV6_CHECKSUM = 7;
    public const int IPV6_2292HOPLIMIT = 8;
    public const int IPV6_NEXTHOP = 9;
    public const int IPV6_AUTHHDR = 10;
    public const int IPV6_UNICAST_HOPS = 16;
    public const int IPV6_MULTICAST_IF = 17;
    public const int IPV6_MULTICAST_HOPS = 18;
    public const int IPV6_MULTICAST_LOOP = 19;
    public const int IPV6_JOIN_GROUP = 20;
    public const int IPV6_LEAVE_GROUP = 21;
    public const int IPV6_ROUTER_ALERT = 22;
    public const int IPV6_MTU_DISCOVER = 23;
    public const int IPV6_MTU = 24;
    public const int IPV6_RECVERR = 25;
    public const int IPV6_V6ONLY = 26;
    public const int IPV6_JOIN_ANYCAST = 27;
    public const int IPV6_LEAVE_ANYCAST = 28;
    public const int IPV6_MULTICAST_ALL = 29;
    public const int IPV6_ROUTER_ALERT_ISOLATE = 30;
    public const int IPV6_RECVERR_RFC4884 = 31;
    public const int IPV6_IPSEC_POLICY = 34;
    public const int IPV6_XFRM_POLICY = 35;
    public const int IPV6_HDRINCL = 36;
    public const int IPV6_RECVPKTINFO = 49;
    public const int IPV6_PKTINFO = 50;
    public const int IPV6_RECVHOPLIMIT = 51;
    public const int IPV6_HOPLIMIT = 52;
    public const int IPV6_RECVHOPOPTS = 53;
    public const int IPV6_HOPOPTS = 54;
    public const int IPV6_RTHDRDSTOPTS = 55;
    public const int IPV6_RECVRTHDR = 56;
    public const int IPV6_RTHDR = 57;
    public const int IPV6_RECVDSTOPTS = 58;
    public const int IPV6_DSTOPTS = 59;
    public const int IPV6_RECVPATHMTU = 60;
    public const int IPV6_PATHMTU = 61;
    public const int IPV6_DONTFRAG = 62;
    public const int IPV6_RECVTCLASS = 66;
    public const int IPV6_TCLASS = 67;
    public const int IPV6_AUTOFLOWLABEL = 70;
    public const int IPV6_ADDR_PREFERENCES = 72;
    public const int IPV6_MINHOPCOUNT = 73;
    public const int IPV6_ORIGDSTADDR = 74;
    public const int IPV6_RECVORIGDSTADDR = 74;
    public const int IPV6_TRANSPARENT = 75;
    public const int IPV6_UNICAST_IF = 76;
    public const int IPV6_RECVFRAGSIZE = 77;
    public const int IPV6_FREEBIND = 78;
    public const int IPV6_ADD_MEMBERSHIP = 20;
    public const int IPV6_DROP_MEMBERSHIP = 21;
    public const int IPV6_RXHOPOPTS = 54;
    public const int IPV6_RXDSTOPTS = 59;
    public const int IPV6_PMTUDISC_DONT = 0;
    public const int IPV6_PMTUDISC_WANT = 1;
    public const int IPV6_PMTUDISC_DO = 2;
    public const int IPV6_PMTUDISC_PROBE = 3;
    public const int IPV6_PMTUDISC_INTERFACE = 4;
    public const int IPV6_PMTUDISC_OMIT = 5;
    public const int IPV6_RTHDR_LOOSE = 0;
    public const int IPV6_RTHDR_STRICT = 1;
    public const int IPV6_RTHDR_TYPE_0 = 0;

    public const int SOL_IP = 0;
    public const int SOL_IPV6 = 41;
    public const int SOL_ICMPV6 = 58;
}

/// <summary>An address of ip(7); port and address in network order.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sockaddr_in", "netinet/in.h")]
public struct SockaddrIn
{
    public ushort sin_family;
    public ushort sin_port;
    [CField("sin_addr.s_addr")]
    public uint sin_addr;
    public Bytes8 sin_zero;
}

/// <summary>An address of ipv6(7); port in network order.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sockaddr_in6", "netinet/in.h")]
public struct SockaddrIn6
{
    public ushort sin6_family;
    public ushort sin6_port;
    public uint sin6_flowinfo;
    public Bytes16 sin6_addr;
    public uint sin6_scope_id;
}
