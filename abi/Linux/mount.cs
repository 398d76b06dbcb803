using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>
/// Flags of mount(2), umount2(2), fsopen(2), fsmount(2), move_mount(2), open_tree(2) and
/// mount_setattr(2).
/// </summary>
[CHeader("fcntl.h", "linux/mount.h")]
public static class MountFlags
{
    // mount(2).
    public const uint MS_RDONLY = 1;
    public const uint MS_NOSUID = 2;
    public const uint MS_NODEV = 4;
    public const uint MS_NOEXEC = 8;
    public const uint MS_SYNCHRONOUS = 16;
    public const uint MS_REMOUNT = 32;
    public const uint MS_MANDLOCK = 64;
    public const uint MS_DIRSYNC = 128;
    public const uint MS_NOSYMFOLLOW = 256;
    public const uint MS_NOATIME = 1024;
    public const uint MS_NODIRATIME = 2048;
    public const uint MS_BIND = 4096;
    public const uint MS_MOVE = 8192;
    public const uint MS_REC = 16384;
    public const uint MS_VERBOSE = 32768;
    public const uint MS_SILENT = 32768;
    public const uint MS_POSIXACL = 0x10000;
    public const uint MS_UNBINDABLE = 0x20000;
    public const uint MS_PRIVATE = 0x40000;
    public const uint MS_SLAVE = 0x80000;
    public const uint MS_SHARED = 0x100000;
    public const uint MS_RELATIME = 0x200000;
    public const uint MS_KERNMOUNT = 0x400000;
    public const uint MS_I_VERSION = 0x800000;
    public const uint MS_STRICTATIME = 0x1000000;
    public const uint MS_LAZYTIME = 0x2000000;
    public const uint MS_SUBMOUNT = 0x4000000;
    public const uint MS_NOREMOTELOCK = 0x8000000;
    public const uint MS_NOSEC = 0x10000000;
    public const uint MS_BORN = 0x20000000;
    public const uint MS_ACTIVE = 0x40000000;
    public const uint MS_NOUSER = 0x80000000;
    public const uint MS_RMT_MASK = 0x2800051;
    public const uint MS_MGC_VAL = 0xc0ed0000;
    public const uint MS_MGC_MSK = 0xffff0000;

    // open_tree(2).
    public const uint OPEN_TREE_CLONE = 1;
    public const uint OPEN_TREE_NAMESPACE = 2;
    public const uint OPEN_TREE_CLOEXEC = 0x80000; // 02000000

    // move_mount(2).
    public const uint MOVE_MOUNT_F_SYMLINKS = 0x00000001;
    public const uint MOVE_MOUNT_F_AUTOMOUNTS = 0x00000002;
    public const uint MOVE_MOUNT_F_EMPTY_PATH = 0x00000004;
    public const uint MOVE_MOUNT_T_SYMLINKS = 0x00000010;
    public const uint MOVE_MOUNT_T_AUTOMOUNTS = 0x00000020;
    public const uint MOVE_MOUNT_T_EMPTY_PATH = 0x00000040;
    public const uint MOVE_MOUNT_SET_GROUP = 0x00000100;
    public const uint MOVE_MOUNT_BENEATH = 0x00000200;

    // fsopen(2), fspick(2), fsmount(2).
    public const uint FSOPEN_CLOEXEC = 0x00000001;
    public const uint FSPICK_CLOEXEC = 0x00000001;
    public const uint FSPICK_SYMLINK_NOFOLLOW = 0x00000002;
    public const uint FSPICK_NO_AUTOMOUNT = 0x00000004;
    public const uint FSPICK_EMPTY_PATH = 0x00000008;
    public const uint FSMOUNT_CLOEXEC = 0x00000001;
    public const uint FSMOUNT_NAMESPACE = 0x00000002;

    // fsconfig(2).
    public const uint FSCONFIG_SET_FLAG = 0;
    public const uint FSCONFIG_SET_STRING = 1;
    public const uint FSCONFIG_SET_BINARY = 2;
    public const uint FSCONFIG_SET_PATH = 3;
    public const uint FSCONFIG_SET_PATH_EMPTY = 4;
    public const uint FSCONFIG_SET_FD = 5;
    public const uint FSCONFIG_CMD_CREATE = 6;
    public const uint FSCONFIG_CMD_RECONFIGURE = 7;
    public const uint FSCONFIG_CMD_CREATE_EXCL = 8;

    // mount_setattr(2).
    public const ulong MOUNT_ATTR_RDONLY = 0x00000001;
    public const ulong MOUNT_ATTR_NOSUID = 0x00000002;
    public const ulong MOUNT_ATTR_NODEV = 0x00000004;
    public const ulong MOUNT_ATTR_NOEXEC = 0x00000008;
    public const ulong MOUNT_ATTR__ATIME = 0x00000070;
    public const ulong MOUNT_ATTR_RELATIME = 0x00000000;
    public const ulong MOUNT_ATTR_NOATIME = 0x00000010;
    public const ulong MOUNT_ATTR_STRICTATIME = 0x00000020;
    public const ulong MOUNT_ATTR_NODIRATIME = 0x00000080;
    public const ulong MOUNT_ATTR_IDMAP = 0x00100000;
    public const ulong MOUNT_ATTR_NOSYMFOLLOW = 0x00200000;
    public const ulong MOUNT_ATTR_SIZE_VER0 = 32;

    // statmount(2), listmount(2).
    public const ulong STATMOUNT_SB_BASIC = 0x00000001;
    public const ulong STATMOUNT_MNT_BASIC = 0x00000002;
    public const ulong STATMOUNT_PROPAGATE_FROM = 0x00000004;
    public const ulong STATMOUNT_MNT_ROOT = 0x00000008;
    public const ulong STATMOUNT_MNT_POINT = 0x00000010;
    public const ulong STATMOUNT_FS_TYPE = 0x00000020;
    public const ulong STATMOUNT_MNT_NS_ID = 0x00000040;
    public const ulong STATMOUNT_MNT_OPTS = 0x00000080;
    public const ulong STATMOUNT_FS_SUBTYPE = 0x00000100;
    public const ulong STATMOUNT_SB_SOURCE = 0x00000200;
    public const ulong STATMOUNT_OPT_ARRAY = 0x00000400;
    public const ulong STATMOUNT_OPT_SEC_ARRAY = 0x00000800;
    public const ulong STATMOUNT_SUPPORTED_MASK = 0x00001000;
    public const ulong STATMOUNT_MNT_UIDMAP = 0x00002000;
    public const ulong STATMOUNT_MNT_GIDMAP = 0x00004000;
    public const ulong LSMT_ROOT = 0xffffffffffffffff;
    public const ulong LISTMOUNT_REVERSE = 1;
    public const ulong STATMOUNT_BY_FD = 0x00000001;
}

/// <summary>Flags of umount2(2).</summary>
[CHeader("sys/mount.h")]
public static class UmountFlags
{
    public const int MNT_FORCE = 1;
    public const int MNT_DETACH = 2;
    public const int MNT_EXPIRE = 4;
    public const int UMOUNT_NOFOLLOW = 8;
}

/// <summary>mount_setattr(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct mount_attr", "linux/mount.h")]
public struct MountAttr
{
    public ulong attr_set;
    public ulong attr_clr;
    public ulong propagation;
    public ulong userns_fd;
}

/// <summary>statmount(2), listmount(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct mnt_id_req", "linux/mount.h")]
public struct MntIdReq
{
    public uint size;
    public uint mnt_ns_fd;
    public ulong mnt_id;
    public ulong param;
    public ulong mnt_ns_id;
}

/// <summary>What statmount(2) writes; the strings follow, and [str] fields are offsets into them.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct statmount", "linux/mount.h")]
public struct Statmount
{
    public uint size;
    public uint mnt_opts;
    public ulong mask;
    public uint sb_dev_major;
    public uint sb_dev_minor;
    public ulong sb_magic;
    public uint sb_flags;
    public uint fs_type;
    public ulong mnt_id;
    public ulong mnt_parent_id;
    public uint mnt_id_old;
    public uint mnt_parent_id_old;
    public ulong mnt_attr;
    public ulong mnt_propagation;
    public ulong mnt_peer_group;
    public ulong mnt_master;
    public ulong propagate_from;
    public uint mnt_root;
    public uint mnt_point;
    public ulong mnt_ns_id;
    public uint fs_subtype;
    public uint sb_source;
    public uint opt_num;
    public uint opt_array;
    public uint opt_sec_num;
    public uint opt_sec_array;
    public ulong supported_mask;
    public uint mnt_uidmap_num;
    public uint mnt_uidmap;
    public uint mnt_gidmap_num;
    public uint mnt_gidmap;
    private ULongs43 _padEnd;
}
