using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>pidfd_open(2), pidfd_send_signal(2) and the ioctls of a pidfd.</summary>
[CHeader("linux/pidfd.h")]
public static class Pidfd
{
    public const uint PIDFD_NONBLOCK = 0x800;
    public const uint PIDFD_THREAD = 0x80;

    // pidfd_send_signal(2).
    public const uint PIDFD_SIGNAL_THREAD = 1;
    public const uint PIDFD_SIGNAL_THREAD_GROUP = 2;
    public const uint PIDFD_SIGNAL_PROCESS_GROUP = 4;

    // pidfd_info.
    public const ulong PIDFD_INFO_PID = 1;
    public const ulong PIDFD_INFO_CREDS = 2;
    public const ulong PIDFD_INFO_CGROUPID = 4;
    public const ulong PIDFD_INFO_EXIT = 8;
    public const ulong PIDFD_INFO_COREDUMP = 0x10;
    public const ulong PIDFD_INFO_SUPPORTED_MASK = 0x20;
    public const ulong PIDFD_INFO_COREDUMP_SIGNAL = 0x40;
    public const ulong PIDFD_INFO_COREDUMP_CODE = 0x80;

    public const uint PIDFD_COREDUMPED = 1;
    public const uint PIDFD_COREDUMP_SKIP = 2;
    public const uint PIDFD_COREDUMP_USER = 4;
    public const uint PIDFD_COREDUMP_ROOT = 8;

    // Special descriptors.
    public const int PIDFD_SELF_THREAD = -10000;
    public const int PIDFD_SELF_THREAD_GROUP = -10001;
    public const int PIDFD_SELF = -10000;
    public const int PIDFD_SELF_PROCESS = -10001;

    // ioctls.
    public const uint PIDFD_GET_CGROUP_NAMESPACE = 0x0000ff01;
    public const uint PIDFD_GET_IPC_NAMESPACE = 0x0000ff02;
    public const uint PIDFD_GET_MNT_NAMESPACE = 0x0000ff03;
    public const uint PIDFD_GET_NET_NAMESPACE = 0x0000ff04;
    public const uint PIDFD_GET_PID_NAMESPACE = 0x0000ff05;
    public const uint PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE = 0x0000ff06;
    public const uint PIDFD_GET_TIME_NAMESPACE = 0x0000ff07;
    public const uint PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE = 0x0000ff08;
    public const uint PIDFD_GET_USER_NAMESPACE = 0x0000ff09;
    public const uint PIDFD_GET_UTS_NAMESPACE = 0x0000ff0a;

    /// <summary>
    /// Takes a struct that grows: the size in the command is that of the first version, others are
    /// valid.
    /// </summary>
    [CField("_IOC(_IOC_READ | _IOC_WRITE, PIDFS_IOCTL_MAGIC, 11, PIDFD_INFO_SIZE_VER0)")]
    public const uint PIDFD_GET_INFO = 0xc040ff0b;
}

/// <summary>PIDFD_GET_INFO, the first published size of 64 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct pidfd_info", "linux/pidfd.h", Size = "PIDFD_INFO_SIZE_VER0")]
public struct PidfdInfo
{
    public ulong mask;
    public ulong cgroupid;
    public uint pid;
    public uint tgid;
    public uint ppid;
    public uint ruid;
    public uint rgid;
    public uint euid;
    public uint egid;
    public uint suid;
    public uint sgid;
    public uint fsuid;
    public uint fsgid;
    public int exit_code;
}
