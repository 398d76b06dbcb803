using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Operations, flags and actions of seccomp(2).</summary>
[CHeader("sys/ioctl.h", "linux/seccomp.h")]
public static class Seccomp
{
    // prctl(2) PR_SET_SECCOMP.
    public const int SECCOMP_MODE_DISABLED = 0;
    public const int SECCOMP_MODE_STRICT = 1;
    public const int SECCOMP_MODE_FILTER = 2;

    // Operations.
    public const uint SECCOMP_SET_MODE_STRICT = 0;
    public const uint SECCOMP_SET_MODE_FILTER = 1;
    public const uint SECCOMP_GET_ACTION_AVAIL = 2;
    public const uint SECCOMP_GET_NOTIF_SIZES = 3;

    // Filter flags.
    public const uint SECCOMP_FILTER_FLAG_TSYNC = 1;
    public const uint SECCOMP_FILTER_FLAG_LOG = 2;
    public const uint SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
    public const uint SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
    public const uint SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 0x10;
    public const uint SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;

    // Actions.
    public const uint SECCOMP_RET_KILL_PROCESS = 0x80000000;
    public const uint SECCOMP_RET_KILL_THREAD = 0x00000000;
    public const uint SECCOMP_RET_KILL = 0x00000000;
    public const uint SECCOMP_RET_TRAP = 0x00030000;
    public const uint SECCOMP_RET_ERRNO = 0x00050000;
    public const uint SECCOMP_RET_USER_NOTIF = 0x7fc00000;
    public const uint SECCOMP_RET_TRACE = 0x7ff00000;
    public const uint SECCOMP_RET_LOG = 0x7ffc0000;
    public const uint SECCOMP_RET_ALLOW = 0x7fff0000;
    public const uint SECCOMP_RET_ACTION_FULL = 0xffff0000;
    public const uint SECCOMP_RET_ACTION = 0x7fff0000;
    public const uint SECCOMP_RET_DATA = 0x0000ffff;

    // User notification.
    public const uint SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;
    public const uint SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1;
    public const uint SECCOMP_ADDFD_FLAG_SETFD = 1;
    public const uint SECCOMP_ADDFD_FLAG_SEND = 2;
    public const uint SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
    public const uint SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
    public const uint SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
    public const uint SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;
    public const uint SECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x40082104;
}

/// <summary>What a filter sees.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct seccomp_data", "linux/seccomp.h")]
public struct SeccompData
{
    public int nr;
    public uint arch;
    public ulong instruction_pointer;
    public ULongs6 args;
}

/// <summary>SECCOMP_GET_NOTIF_SIZES.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct seccomp_notif_sizes", "linux/seccomp.h")]
public struct SeccompNotifSizes
{
    public ushort seccomp_notif;
    public ushort seccomp_notif_resp;
    public ushort seccomp_data;
}

/// <summary>A user notification.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct seccomp_notif", "linux/seccomp.h")]
public struct SeccompNotif
{
    public ulong id;
    public uint pid;
    public uint flags;
    public SeccompData data;
}

/// <summary>The answer to a user notification.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct seccomp_notif_resp", "linux/seccomp.h")]
public struct SeccompNotifResp
{
    public ulong id;
    public long val;
    public int error;
    public uint flags;
}

/// <summary>Puts a descriptor into the notifier.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct seccomp_notif_addfd", "linux/seccomp.h")]
public struct SeccompNotifAddfd
{
    public ulong id;
    public uint flags;
    public uint srcfd;
    public uint newfd;
    public uint newfd_flags;
}
