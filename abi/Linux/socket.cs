using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants of socket(2), send(2), recv(2), getsockopt(2) and shutdown(2).</summary>
[CHeader("sys/socket.h", "linux/net.h")]
public static class Sockets
{
    // Families.
    public const int PF_UNSPEC = 0;
    public const int PF_LOCAL = 1;
    public const int PF_UNIX = 1;
    public const int PF_FILE = 1;
    public const int PF_INET = 2;
    public const int PF_AX25 = 3;
    public const int PF_IPX = 4;
    public const int PF_APPLETALK = 5;
    public const int PF_NETROM = 6;
    public const int PF_BRIDGE = 7;
    public const int PF_ATMPVC = 8;
    public const int PF_X25 = 9;
    public const int PF_INET6 = 10;
    public const int PF_ROSE = 11;
    public const int PF_NETBEUI = 13;
    public const int PF_SECURITY = 14;
    public const int PF_KEY = 15;
    public const int PF_NETLINK = 16;
    public const int PF_ROUTE = 16;
    public const int PF_PACKET = 17;
    public const int PF_ASH = 18;
    public const int PF_ECONET = 19;
    public const int PF_ATMSVC = 20;
    public const int PF_RDS = 21;
    public const int PF_SNA = 22;
    public const int PF_IRDA = 23;
    public const int PF_PPPOX = 24;
    public const int PF_WANPIPE = 25;
    public const int PF_LLC = 26;
    public const int PF_IB = 27;
    public const int PF_MPLS = 28;
    public const int PF_CAN = 29;
    public const int PF_TIPC = 30;
    public const int PF_BLUETOOTH = 31;
    public const int PF_IUCV = 32;
    public const int PF_RXRPC = 33;
    public const int PF_ISDN = 34;
    public const int PF_PHONET = 35;
    public const int PF_IEEE802154 = 36;
    public const int PF_CAIF = 37;
    public const int PF_ALG = 38;
    public const int PF_NFC = 39;
    public const int PF_VSOCK = 40;
    public const int PF_KCM = 41;
    public const int PF_QIPCRTR = 42;
    public const int PF_SMC = 43;
    public const int PF_XDP = 44;
    public const int PF_MCTP = 45;
    public const int AF_UNSPEC = 0;
    public const int AF_LOCAL = 1;
    public const int AF_UNIX = 1;
    public const int AF_FILE = 1;
    public const int AF_INET = 2;
    public const int AF_AX25 = 3;
    public const int AF_IPX = 4;
    public const int AF_APPLETALK = 5;
    public const int AF_NETROM = 6;
    public const int AF_BRIDGE = 7;
    public const int AF_ATMPVC = 8;
    public const int AF_X25 = 9;
    public const int AF_INET6 = 10;
    public const int AF_ROSE = 11;
    public const int AF_NETBEUI = 13;
    public const int AF_SECURITY = 14;
    public const int AF_KEY = 15;
    public const int AF_NETLINK = 16;
    public const int AF_ROUTE = 16;
    public const int AF_PACKET = 17;
    public const int AF_ASH = 18;
    public const int AF_ECONET = 19;
    public const int AF_ATMSVC = 20;
    public const int AF_RDS = 21;
    public const int AF_SNA = 22;
    public const int AF_IRDA = 23;
    public const int AF_PPPOX = 24;
    public const int AF_WANPIPE = 25;
    public const int AF_LLC = 26;
    public const int AF_IB = 27;
    public const int AF_MPLS = 28;
    public const int AF_CAN = 29;
    public const int AF_TIPC = 30;
    public const int AF_BLUETOOTH = 31;
    public const int AF_IUCV = 32;
    public const int AF_RXRPC = 33;
    public const int AF_ISDN = 34;
    public const int AF_PHONET = 35;
    public const int AF_IEEE802154 = 36;
    public const int AF_CAIF = 37;
    public const int AF_ALG = 38;
    public const int AF_NFC = 39;
    public const int AF_VSOCK = 40;
    public const int AF_KCM = 41;
    public const int AF_QIPCRTR = 42;
    public const int AF_SMC = 43;
    public const int AF_XDP = 44;
    public const int AF_MCTP = 45;

    // Types and their flags.
    public const int SOCK_STREAM = 1;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_RAW = 3;
    public const int SOCK_RDM = 4;
    public const int SOCK_SEQPACKET = 5;
    public const int SOCK_DCCP = 6;
    public const int SOCK_PACKET = 10;
    public const int SOCK_CLOEXEC = 0x80000; // 02000000
    public const int SOCK_NONBLOCK = 0x800; // 00004000

    // Levels of socket options.
    public const int SOL_RAW = 255;
    public const int SOL_DECNET = 261;
    public const int SOL_X25 = 262;
    public const int SOL_PACKET = 263;
    public const int SOL_ATM = 264;
    public const int SOL_AAL = 265;
    public const int SOL_IRDA = 266;
    public const int SOL_NETBEUI = 267;
    public const int SOL_LLC = 268;
    public const int SOL_DCCP = 269;
    public const int SOL_NETLINK = 270;
    public const int SOL_TIPC = 271;
    public const int SOL_RXRPC = 272;
    public const int SOL_PPPOL2TP = 273;
    public const int SOL_BLUETOOTH = 274;
    public const int SOL_PNPIPE = 275;
    public const int SOL_RDS = 276;
    public const int SOL_IUCV = 277;
    public const int SOL_CAIF = 278;
    public const int SOL_ALG = 279;
    public const int SOL_NFC = 280;
    public const int SOL_KCM = 281;
    public const int SOL_TLS = 282;
    public const int SOL_XDP = 283;
    public const int SOL_MPTCP = 284;
    public const int SOL_MCTP = 285;
    public const int SOL_SMC = 286;
    public const int SOL_SOCKET = 1;

    // SOL_SOCKET options.
    public const int SO_DEBUG = 1;
    public const int SO_REUSEADDR = 2;
    public const int SO_TYPE = 3;
    public const int SO_ERROR = 4;
    public const int SO_DONTROUTE = 5;
    public const int SO_BROADCAST = 6;
    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_SNDBUFFORCE = 32;
    public const int SO_RCVBUFFORCE = 33;
    public const int SO_KEEPALIVE = 9;
    public const int SO_OOBINLINE = 10;
    public const int SO_NO_CHECK = 11;
    public const int SO_PRIORITY = 12;
    public const int SO_LINGER = 13;
    public const int SO_BSDCOMPAT = 14;
    public const int SO_REUSEPORT = 15;
    public const int SO_PASSCRED = 16;
    public const int SO_PEERCRED = 17;
    public const int SO_RCVLOWAT = 18;
    public const int SO_SNDLOWAT = 19;
    public const int SO_RCVTIMEO_OLD = 20;
    public const int SO_SNDTIMEO_OLD = 21;
    public const int SO_SECURITY_AUTHENTICATION = 22;
    public const int SO_SECURITY_ENCRYPTION_TRANSPORT = 23;
    public const int SO_SECURITY_ENCRYPTION_NETWORK = 24;
    public const int SO_BINDTODEVICE = 25;
    public const int SO_ATTACH_FILTER = 26;
    public const int SO_DETACH_FILTER = 27;
    public const int SO_GET_FILTER = 26;
    public const int SO_PEERNAME = 28;
    public const int SO_ACCEPTCONN = 30;
    public const int SO_PEERSEC = 31;
    public const int SO_PASSSEC = 34;
    public const int SO_MARK = 36;
    public const int SO_PROTOCOL = 38;
    public const int SO_DOMAIN = 39;
    public const int SO_RXQ_OVFL = 40;
    public const int SO_WIFI_STATUS = 41;
    public const int SO_PEEK_OFF = 42;
    public const int SO_NOFCS = 43;
    public const int SO_LOCK_FILTER = 44;
    public const int SO_SELECT_ERR_QUEUE = 45;
    public const int SO_BUSY_POLL = 46;
    public const int SO_MAX_PACING_RATE = 47;
    public const int SO_BPF_EXTENSIONS = 48;
    public const int SO_INCOMING_CPU = 49;
    public const int SO_ATTACH_BPF = 50;
    public const int SO_DETACH_BPF = 27;
    public const int SO_ATTACH_REUSEPORT_CBPF = 51;
    public const int SO_ATTACH_REUSEPORT_EBPF = 52;
    public const int SO_CNX_ADVICE = 53;
    public const int SO_MEMINFO = 55;
    public const int SO_INCOMING_NAPI_ID = 56;
    public const int SO_COOKIE = 57;
    public const int SO_PEERGROUPS = 59;
    public const int SO_ZEROCOPY = 60;
    public const int SO_TXTIME = 61;
    public const int SO_BINDTOIFINDEX = 62;
    public const int SO_TIMESTAMP_OLD = 29;
    public const int SO_TIMESTAMPNS_OLD = 35;
    public const int SO_TIMESTAMPING_OLD = 37;
    public const int SO_TIMESTAMP_NEW = 63;
    public const int SO_TIMESTAMPNS_NEW = 64;
    public const int SO_TIMESTAMPING_NEW = 65;
    public const int SO_RCVTIMEO_NEW = 66;
    public const int SO_SNDTIMEO_NEW = 67;
    public const int SO_DETACH_REUSEPORT_BPF = 68;
    public const int SO_PREFER_BUSY_POLL = 69;
    public const int SO_BUSY_POLL_BUDGET = 70;
    public const int SO_NETNS_COOKIE = 71;
    public const int SO_BUF_LOCK = 72;
    public const int SO_RESERVE_MEM = 73;
    public const int SO_TXREHASH = 74;
    public const int SO_RCVMARK = 75;
    public const int SO_PASSPIDFD = 76;
    public const int SO_PEERPIDFD = 77;
    public const int SO_DEVMEM_LINEAR = 78;
    public const int SO_DEVMEM_DMABUF = 79;
    public const int SO_DEVMEM_DONTNEED = 80;
    public const int SO_RCVPRIORITY = 82;
    public const int SO_PASSRIGHTS = 83;
    public const int SO_INQ = 84;
    public const int SO_TIMESTAMP = 29;
    public const int SO_TIMESTAMPNS = 35;
    public const int SO_TIMESTAMPING = 37;
    public const int SO_RCVTIMEO = 20;
    public const int SO_SNDTIMEO = 21;

    // Message flags.
    public const int MSG_OOB = 0x01;
    public const int MSG_PEEK = 0x02;
    public const int MSG_DONTROUTE = 0x04;
    public const int MSG_TRYHARD = 0x04;
    public const int MSG_CTRUNC = 0x08;
    public const int MSG_PROXY = 0x10;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_EOR = 0x80;
    public const int MSG_WAITALL = 0x100;
    public const int MSG_FIN = 0x200;
    public const int MSG_SYN = 0x400;
    public const int MSG_CONFIRM = 0x800;
    public const int MSG_RST = 0x1000;
    public const int MSG_ERRQUEUE = 0x2000;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int MSG_MORE = 0x8000;
    public const int MSG_WAITFORONE = 0x10000;
    public const int MSG_BATCH = 0x40000;
    public const int MSG_ZEROCOPY = 0x4000000;
    public const int MSG_FASTOPEN = 0x20000000;
    public const int MSG_CMSG_CLOEXEC = 0x40000000;

    // Ancillary messages.
    public const int SCM_RIGHTS = 0x01;
    public const int SCM_CREDENTIALS = 0x02;
    public const int SCM_WIFI_STATUS = 41;
    public const int SCM_TIMESTAMPING_OPT_STATS = 54;
    public const int SCM_TIMESTAMPING_PKTINFO = 58;
    public const int SCM_TXTIME = 61;
    public const int SCM_DEVMEM_LINEAR = 78;
    public const int SCM_DEVMEM_DMABUF = 79;
    public const int SCM_TS_OPT_ID = 81;
    public const int SCM_INQ = 84;
    public const int SCM_TIMESTAMP = 29;
    public const int SCM_TIMESTAMPNS = 35;
    public const int SCM_TIMESTAMPING = 37;

    // shutdown(2).
    public const int SHUT_RD = 0;
    public const int SHUT_WR = 1;
    public const int SHUT_RDWR = 2;

    // listen(2).
    public const int SOMAXCONN = 4096;
}

/// <summary>The generic address.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sockaddr", "sys/socket.h")]
public struct Sockaddr
{
    public ushort sa_family;
    public Bytes14 sa_data;
}

/// <summary>Room for any address.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sockaddr_storage", "sys/socket.h")]
public struct SockaddrStorage
{
    public ushort ss_family;
    private ushort _pad0;
    private uint _pad1;
    private ULongs15 _padEnd;
}

/// <summary>sendmsg(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct msghdr", "sys/socket.h")]
public struct Msghdr
{
    public ulong msg_name;
    public uint msg_namelen;
    private uint _pad0;
    public ulong msg_iov;
    public ulong msg_iovlen;
    public ulong msg_control;
    public ulong msg_controllen;
    public int msg_flags;
    private uint _pad1;
}

/// <summary>sendmmsg(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct mmsghdr", "sys/socket.h")]
public struct Mmsghdr
{
    public Msghdr msg_hdr;
    public uint msg_len;
    private uint _pad0;
}

/// <summary>The head of an ancillary message, cmsg(3); data follows, aligned to 8.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct cmsghdr", "sys/socket.h")]
public struct Cmsghdr
{
    public ulong cmsg_len;
    public int cmsg_level;
    public int cmsg_type;
}

/// <summary>SCM_CREDENTIALS, SO_PEERCRED.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct ucred", "sys/socket.h")]
public struct Ucred
{
    public int pid;
    public uint uid;
    public uint gid;
}

/// <summary>SO_LINGER.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct linger", "sys/socket.h")]
public struct Linger
{
    public int l_onoff;
    public int l_linger;
}
