using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Capabilities, capabilities(7), and the versions of capget(2).</summary>
[CHeader("linux/capability.h")]
public static class Capability
{
    // Versions of the header and number of CapUserData elements.
    public const int _LINUX_CAPABILITY_VERSION_1 = 0x19980330;
    public const int _LINUX_CAPABILITY_U32S_1 = 1;
    public const int _LINUX_CAPABILITY_VERSION_2 = 0x20071026;
    public const int _LINUX_CAPABILITY_U32S_2 = 2;
    public const int _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
    public const int _LINUX_CAPABILITY_U32S_3 = 2;
    public const int _LINUX_CAPABILITY_VERSION = 0x19980330;
    public const int _LINUX_CAPABILITY_U32S = 1;

    // Capability numbers.
    public const int CAP_CHOWN = 0;
    public const int CAP_DAC_OVERRIDE = 1;
    public const int CAP_DAC_READ_SEARCH = 2;
    public const int CAP_FOWNER = 3;
    public const int CAP_FSETID = 4;
    public const int CAP_KILL = 5;
    public const int CAP_SETGID = 6;
    public const int CAP_SETUID = 7;
    public const int CAP_SETPCAP = 8;
    public const int CAP_LINUX_IMMUTABLE = 9;
    public const int CAP_NET_BIND_SERVICE = 10;
    public const int CAP_NET_BROADCAST = 11;
    public const int CAP_NET_ADMIN = 12;
    public const int CAP_NET_RAW = 13;
    public const int CAP_IPC_LOCK = 14;
    public const int CAP_IPC_OWNER = 15;
    public const int CAP_SYS_MODULE = 16;
    public const int CAP_SYS_RAWIO = 17;
    public const int CAP_SYS_CHROOT = 18;
    public const int CAP_SYS_PTRACE = 19;
    public const int CAP_SYS_PACCT = 20;
    public const int CAP_SYS_ADMIN = 21;
    public const int CAP_SYS_BOOT = 22;
    public const int CAP_SYS_NICE = 23;
    public const int CAP_SYS_RESOURCE = 24;
    public const int CAP_SYS_TIME = 25;
    public const int CAP_SYS_TTY_CONFIG = 26;
    public const int CAP_MKNOD = 27;
    public const int CAP_LEASE = 28;
    public const int CAP_AUDIT_WRITE = 29;
    public const int CAP_AUDIT_CONTROL = 30;
    public const int CAP_SETFCAP = 31;
    public const int CAP_MAC_OVERRIDE = 32;
    public const int CAP_MAC_ADMIN = 33;
    public const int CAP_SYSLOG = 34;
    public const int CAP_WAKE_ALARM = 35;
    public const int CAP_BLOCK_SUSPEND = 36;
    public const int CAP_AUDIT_READ = 37;
    public const int CAP_PERFMON = 38;
    public const int CAP_BPF = 39;
    public const int CAP_CHECKPOINT_RESTORE = 40;
    public const int CAP_LAST_CAP = 40;

    // The security.capability attribute.
    public const uint VFS_CAP_REVISION_MASK = 0xff000000;
    public const int VFS_CAP_REVISION_SHIFT = 24;
    public const int VFS_CAP_FLAGS_MASK = 0xffffff;
    public const int VFS_CAP_FLAGS_EFFECTIVE = 0x000001;
    public const int VFS_CAP_REVISION_1 = 0x01000000;
    public const int VFS_CAP_U32_1 = 1;
    public const int XATTR_CAPS_SZ_1 = 12;
    public const int VFS_CAP_REVISION_2 = 0x02000000;
    public const int VFS_CAP_U32_2 = 2;
    public const int XATTR_CAPS_SZ_2 = 20;
    public const int VFS_CAP_REVISION_3 = 0x03000000;
    public const int VFS_CAP_U32_3 = 2;
    public const int XATTR_CAPS_SZ_3 = 24;
    public const int XATTR_CAPS_SZ = 24;
    public const int VFS_CAP_U32 = 2;
    public const int VFS_CAP_REVISION = 0x03000000;
}

/// <summary>capget(2), first argument.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct __user_cap_header_struct", "linux/capability.h")]
public struct CapUserHeader
{
    public uint version;
    public int pid;
}

/// <summary>capget(2), one element of the second argument.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct __user_cap_data_struct", "linux/capability.h")]
public struct CapUserData
{
    public uint effective;
    public uint permitted;
    public uint inheritable;
}

/// <summary>The security.capability attribute, revision 3; revision 2 lacks <see cref="rootid"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct vfs_ns_cap_data", "linux/capability.h")]
public struct VfsNsCapData
{
    public uint magic_etc;
    [CField("data[0]")]
    public VfsCapPair data0;
    [CField("data[1]")]
    public VfsCapPair data1;
    public uint rootid;
}

/// <summary>32 capabilities in the security.capability attribute.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("__typeof__(((struct vfs_cap_data *)0)->data[0])", "linux/capability.h")]
public struct VfsCapPair
{
    public uint permitted;
    public uint inheritable;
}
