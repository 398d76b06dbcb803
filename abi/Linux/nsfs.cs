namespace Abi.Linux;

/// <summary>ioctls and initial inode numbers of name spaces, ioctl_nsfs(2).</summary>
[CHeader("linux/nsfs.h")]
public static class Nsfs
{
    public const uint NS_GET_USERNS = 0x0000b701;
    public const uint NS_GET_PARENT = 0x0000b702;
    public const uint NS_GET_NSTYPE = 0x0000b703;
    public const uint NS_GET_OWNER_UID = 0x0000b704;
    public const uint NS_GET_PID_FROM_PIDNS = 0x8004b706;
    public const uint NS_GET_TGID_FROM_PIDNS = 0x8004b707;
    public const uint NS_GET_PID_IN_PIDNS = 0x8004b708;
    public const uint NS_GET_TGID_IN_PIDNS = 0x8004b709;
    public const uint NS_MNT_GET_INFO = 0x8010b70a;
    public const uint NS_MNT_GET_NEXT = 0x8010b70b;
    public const uint NS_MNT_GET_PREV = 0x8010b70c;
    public const uint NS_GET_MNTNS_ID = 0x8008b705;
    public const uint NS_GET_ID = 0x8008b70d;

    // Inode numbers of the initial name spaces.
    public const uint IPC_NS_INIT_INO = 0xefffffff;
    public const uint UTS_NS_INIT_INO = 0xeffffffe;
    public const uint USER_NS_INIT_INO = 0xeffffffd;
    public const uint PID_NS_INIT_INO = 0xeffffffc;
    public const uint CGROUP_NS_INIT_INO = 0xeffffffb;
    public const uint TIME_NS_INIT_INO = 0xeffffffa;
    public const uint NET_NS_INIT_INO = 0xeffffff9;
    public const uint MNT_NS_INIT_INO = 0xeffffff8;
}
