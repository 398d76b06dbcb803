using System.Collections.Generic;
using System.Linq;

namespace Tests.Abi;

/// <summary>
/// What the headers of the build machine do not define, by the place that does. A constant that newer headers define as
/// a macro is checked all the same.
/// </summary>
internal static class Exemptions
{
    private static readonly (string Source, string Names)[] Table =
    [
        ("Linux 7.2, arch/x86/include/uapi/asm/prctl.h", """
            ArchPrctl.ARCH_XCOMP_TILECFG ArchPrctl.ARCH_XCOMP_TILEDATA ArchPrctl.ARCH_GET_UNTAG_MASK
            ArchPrctl.ARCH_ENABLE_TAGGED_ADDR ArchPrctl.ARCH_GET_MAX_TAG_BITS ArchPrctl.ARCH_FORCE_TAGGED_SVA
            ArchPrctl.ARCH_SHSTK_ENABLE ArchPrctl.ARCH_SHSTK_DISABLE ArchPrctl.ARCH_SHSTK_LOCK
            ArchPrctl.ARCH_SHSTK_UNLOCK ArchPrctl.ARCH_SHSTK_STATUS ArchPrctl.ARCH_SHSTK_SHSTK
            ArchPrctl.ARCH_SHSTK_WRSS
            """),
        ("Linux 7.2, include/uapi/asm-generic/siginfo.h", """
            SigCode.SEGV_CPERR
            """),
        ("Linux 7.2, arch/x86/include/uapi/asm/unistd.h", """
            SysNr.uretprobe SysNr.uprobe SysNr.cachestat SysNr.fchmodat2 SysNr.map_shadow_stack SysNr.futex_wake
            SysNr.futex_wait SysNr.futex_requeue SysNr.statmount SysNr.listmount SysNr.lsm_get_self_attr
            SysNr.lsm_set_self_attr SysNr.lsm_list_modules SysNr.mseal SysNr.setxattrat SysNr.getxattrat
            SysNr.listxattrat SysNr.removexattrat SysNr.open_tree_attr SysNr.file_getattr SysNr.file_setattr
            SysNr.listns SysNr.rseq_slice_yield
            """),
        ("Linux 7.2, include/uapi/linux/auxvec.h", """
            Auxvec.AT_RSEQ_FEATURE_SIZE Auxvec.AT_RSEQ_ALIGN Auxvec.AT_HWCAP3 Auxvec.AT_HWCAP4
            """),
        ("Linux 7.2, include/uapi/linux/elf.h", """
            Elf.SHF_MERGE Elf.SHF_STRINGS Elf.SHF_INFO_LINK Elf.SHF_LINK_ORDER Elf.SHF_OS_NONCONFORMING
            Elf.SHF_GROUP Elf.SHF_TLS Elf.SHF_ORDERED Elf.SHF_EXCLUDE Elf.SHF_MASKOS Elf.DT_GNU_HASH
            Elf.STN_UNDEF Elf.NT_X86_SHSTK Elf.NT_X86_XSAVE_LAYOUT
            """),
        ("Linux 7.2, include/uapi/linux/fcntl.h", """
            Fcntl.O_EMPTYPATH Fcntl.F_DUPFD_QUERY Fcntl.F_CREATED_QUERY Fcntl.F_SEAL_EXEC Fcntl.F_GETDELEG
            Fcntl.F_SETDELEG Fcntl.AT_RENAME_NOREPLACE Fcntl.AT_RENAME_EXCHANGE Fcntl.AT_RENAME_WHITEOUT
            Fcntl.AT_HANDLE_FID Fcntl.AT_HANDLE_MNT_ID_UNIQUE Fcntl.AT_HANDLE_CONNECTABLE Fcntl.AT_EXECVE_CHECK
            """),
        ("Linux 7.2, include/uapi/linux/falloc.h", """
            Falloc.FALLOC_FL_ALLOCATE_RANGE Falloc.FALLOC_FL_WRITE_ZEROES
            """),
        ("Linux 7.2, include/uapi/linux/fiemap.h", """
            FsIoctls.FS_IOC_GETFSUUID FsIoctls.FS_IOC_GETFSSYSFSPATH FsIoctls.FS_IOC_SHUTDOWN
            """),
        ("Linux 7.2, include/uapi/linux/fs.h", """
            InodeFlags.FS_XFLAG_VERITY InodeFlags.FS_XFLAG_CASEFOLD InodeFlags.FS_XFLAG_CASENONPRESERVING
            FileAttr RwFlags.RWF_NOAPPEND RwFlags.RWF_ATOMIC RwFlags.RWF_DONTCACHE RwFlags.RWF_NOSIGNAL
            """),
        ("Linux 7.2, include/uapi/linux/futex.h", """
            FutexOp.FUTEX2_SIZE_U8 FutexOp.FUTEX2_SIZE_U16 FutexOp.FUTEX2_SIZE_U32 FutexOp.FUTEX2_SIZE_U64
            FutexOp.FUTEX2_NUMA FutexOp.FUTEX2_MPOL FutexOp.FUTEX2_PRIVATE FutexOp.FUTEX2_SIZE_MASK
            """),
        ("Linux 7.2, include/uapi/linux/ioprio.h", """
            Ioprio.IOPRIO_NR_CLASSES Ioprio.IOPRIO_LEVEL_NR_BITS Ioprio.IOPRIO_LEVEL_MASK
            Ioprio.IOPRIO_HINT_SHIFT Ioprio.IOPRIO_HINT_NR_BITS Ioprio.IOPRIO_NR_HINTS Ioprio.IOPRIO_HINT_MASK
            Ioprio.IOPRIO_CLASS_INVALID Ioprio.IOPRIO_HINT_NONE Ioprio.IOPRIO_HINT_DEV_DURATION_LIMIT_1
            Ioprio.IOPRIO_HINT_DEV_DURATION_LIMIT_2 Ioprio.IOPRIO_HINT_DEV_DURATION_LIMIT_3
            Ioprio.IOPRIO_HINT_DEV_DURATION_LIMIT_4 Ioprio.IOPRIO_HINT_DEV_DURATION_LIMIT_5
            Ioprio.IOPRIO_HINT_DEV_DURATION_LIMIT_6 Ioprio.IOPRIO_HINT_DEV_DURATION_LIMIT_7
            """),
        ("Linux 7.2, include/uapi/linux/landlock.h", """
            Landlock.LANDLOCK_ADD_RULE_QUIET Landlock.LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF
            Landlock.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON Landlock.LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF
            Landlock.LANDLOCK_RESTRICT_SELF_TSYNC Landlock.LANDLOCK_RULE_NET_PORT
            Landlock.LANDLOCK_ACCESS_FS_TRUNCATE Landlock.LANDLOCK_ACCESS_FS_IOCTL_DEV
            Landlock.LANDLOCK_ACCESS_FS_RESOLVE_UNIX Landlock.LANDLOCK_ACCESS_NET_BIND_TCP
            Landlock.LANDLOCK_ACCESS_NET_CONNECT_TCP Landlock.LANDLOCK_ACCESS_NET_BIND_UDP
            Landlock.LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP Landlock.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
            Landlock.LANDLOCK_SCOPE_SIGNAL
            """),
        ("Linux 7.2, include/uapi/linux/magic.h", """
            Magic.BCACHEFS_SUPER_MAGIC Magic.PID_FS_MAGIC Magic.GUEST_MEMFD_MAGIC Magic.NULL_FS_MAGIC
            """),
        ("Linux 7.2, include/uapi/linux/membarrier.h", """
            Membarrier.MEMBARRIER_CMD_GET_REGISTRATIONS
            """),
        ("Linux 7.2, include/uapi/linux/memfd.h", """
            Memfd.MFD_NOEXEC_SEAL Memfd.MFD_EXEC
            """),
        ("Linux 7.2, include/uapi/linux/mempolicy.h", """
            Mempolicy.MPOL_USER_NODEMASK_FLAGS Mempolicy.MPOL_WEIGHTED_INTERLEAVE
            """),
        ("Linux 7.2, include/uapi/linux/mman.h", """
            Mman.MAP_ABOVE4G Mman.MAP_DROPPABLE Mman.MADV_GUARD_INSTALL Mman.MADV_GUARD_REMOVE
            Mman.PKEY_UNRESTRICTED CachestatRange Cachestat
            """),
        ("Linux 7.2, include/uapi/linux/mount.h", """
            MountFlags.OPEN_TREE_NAMESPACE MountFlags.MOVE_MOUNT_BENEATH MountFlags.FSMOUNT_NAMESPACE
            MountFlags.FSCONFIG_CMD_CREATE_EXCL MountFlags.STATMOUNT_SB_BASIC MountFlags.STATMOUNT_MNT_BASIC
            MountFlags.STATMOUNT_PROPAGATE_FROM MountFlags.STATMOUNT_MNT_ROOT MountFlags.STATMOUNT_MNT_POINT
            MountFlags.STATMOUNT_FS_TYPE MountFlags.STATMOUNT_MNT_NS_ID MountFlags.STATMOUNT_MNT_OPTS
            MountFlags.STATMOUNT_FS_SUBTYPE MountFlags.STATMOUNT_SB_SOURCE MountFlags.STATMOUNT_OPT_ARRAY
            MountFlags.STATMOUNT_OPT_SEC_ARRAY MountFlags.STATMOUNT_SUPPORTED_MASK
            MountFlags.STATMOUNT_MNT_UIDMAP MountFlags.STATMOUNT_MNT_GIDMAP MountFlags.LSMT_ROOT
            MountFlags.LISTMOUNT_REVERSE MountFlags.STATMOUNT_BY_FD MntIdReq Statmount
            """),
        ("Linux 7.2, include/uapi/asm-generic/socket.h", """
            Sockets.SO_PASSPIDFD Sockets.SO_PEERPIDFD Sockets.SO_DEVMEM_LINEAR Sockets.SO_DEVMEM_DMABUF
            Sockets.SO_DEVMEM_DONTNEED Sockets.SO_RCVPRIORITY Sockets.SO_PASSRIGHTS Sockets.SO_INQ
            Sockets.SCM_DEVMEM_LINEAR Sockets.SCM_DEVMEM_DMABUF Sockets.SCM_TS_OPT_ID Sockets.SCM_INQ
            """),
        ("Linux 7.2, include/uapi/linux/nsfs.h", """
            Nsfs.NS_GET_PID_FROM_PIDNS Nsfs.NS_GET_TGID_FROM_PIDNS Nsfs.NS_GET_PID_IN_PIDNS
            Nsfs.NS_GET_TGID_IN_PIDNS Nsfs.NS_MNT_GET_INFO Nsfs.NS_MNT_GET_NEXT Nsfs.NS_MNT_GET_PREV
            Nsfs.NS_GET_MNTNS_ID Nsfs.NS_GET_ID Nsfs.IPC_NS_INIT_INO Nsfs.UTS_NS_INIT_INO Nsfs.USER_NS_INIT_INO
            Nsfs.PID_NS_INIT_INO Nsfs.CGROUP_NS_INIT_INO Nsfs.TIME_NS_INIT_INO Nsfs.NET_NS_INIT_INO
            Nsfs.MNT_NS_INIT_INO
            """),
        ("Linux 7.2, include/uapi/linux/pidfd.h", """
            Pidfd.PIDFD_THREAD Pidfd.PIDFD_SIGNAL_THREAD Pidfd.PIDFD_SIGNAL_THREAD_GROUP
            Pidfd.PIDFD_SIGNAL_PROCESS_GROUP Pidfd.PIDFD_INFO_PID Pidfd.PIDFD_INFO_CREDS
            Pidfd.PIDFD_INFO_CGROUPID Pidfd.PIDFD_INFO_EXIT Pidfd.PIDFD_INFO_COREDUMP
            Pidfd.PIDFD_INFO_SUPPORTED_MASK Pidfd.PIDFD_INFO_COREDUMP_SIGNAL Pidfd.PIDFD_INFO_COREDUMP_CODE
            Pidfd.PIDFD_COREDUMPED Pidfd.PIDFD_COREDUMP_SKIP Pidfd.PIDFD_COREDUMP_USER Pidfd.PIDFD_COREDUMP_ROOT
            Pidfd.PIDFD_SELF_THREAD Pidfd.PIDFD_SELF_THREAD_GROUP Pidfd.PIDFD_SELF Pidfd.PIDFD_SELF_PROCESS
            Pidfd.PIDFD_GET_CGROUP_NAMESPACE Pidfd.PIDFD_GET_IPC_NAMESPACE Pidfd.PIDFD_GET_MNT_NAMESPACE
            Pidfd.PIDFD_GET_NET_NAMESPACE Pidfd.PIDFD_GET_PID_NAMESPACE
            Pidfd.PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE Pidfd.PIDFD_GET_TIME_NAMESPACE
            Pidfd.PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE Pidfd.PIDFD_GET_USER_NAMESPACE
            Pidfd.PIDFD_GET_UTS_NAMESPACE Pidfd.PIDFD_GET_INFO PidfdInfo
            """),
        ("Linux 7.2, include/uapi/linux/prctl.h", """
            Prctl.PR_THP_DISABLE_EXCEPT_ADVISED Prctl.PR_SYS_DISPATCH_EXCLUSIVE_ON
            Prctl.PR_SYS_DISPATCH_INCLUSIVE_ON Prctl.PR_SET_MDWE Prctl.PR_MDWE_REFUSE_EXEC_GAIN
            Prctl.PR_MDWE_NO_INHERIT Prctl.PR_GET_MDWE Prctl.PR_GET_AUXV Prctl.PR_SET_MEMORY_MERGE
            Prctl.PR_GET_MEMORY_MERGE Prctl.PR_GET_SHADOW_STACK_STATUS Prctl.PR_SET_SHADOW_STACK_STATUS
            Prctl.PR_SHADOW_STACK_ENABLE Prctl.PR_SHADOW_STACK_WRITE Prctl.PR_SHADOW_STACK_PUSH
            Prctl.PR_LOCK_SHADOW_STACK_STATUS Prctl.PR_TIMER_CREATE_RESTORE_IDS
            Prctl.PR_TIMER_CREATE_RESTORE_IDS_OFF Prctl.PR_TIMER_CREATE_RESTORE_IDS_ON
            Prctl.PR_TIMER_CREATE_RESTORE_IDS_GET Prctl.PR_FUTEX_HASH Prctl.PR_FUTEX_HASH_SET_SLOTS
            Prctl.PR_FUTEX_HASH_GET_SLOTS Prctl.PR_RSEQ_SLICE_EXTENSION Prctl.PR_RSEQ_SLICE_EXTENSION_GET
            Prctl.PR_RSEQ_SLICE_EXTENSION_SET Prctl.PR_RSEQ_SLICE_EXT_ENABLE
            """),
        ("Linux 7.2, include/uapi/linux/ptrace.h", """
            Ptrace.PTRACE_SET_SYSCALL_INFO Ptrace.PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
            Ptrace.PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG PtraceSyscallInfo.flags PtraceSudConfig
            """),
        ("Linux 7.2, include/uapi/linux/rseq.h", """
            Rseq.node_id Rseq.mm_cid
            """),
        ("Linux 7.2, include/uapi/linux/sched.h", """
            Sched.CLONE_AUTOREAP Sched.CLONE_NNP Sched.CLONE_PIDFD_AUTOKILL Sched.CLONE_EMPTY_MNTNS
            Sched.SCHED_EXT Sched.SCHED_GETATTR_FLAG_DL_DYNAMIC
            """),
        ("Linux 7.2, include/uapi/linux/seccomp.h", """
            Seccomp.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP Seccomp.SECCOMP_IOCTL_NOTIF_SET_FLAGS
            """),
        ("Linux 7.2, include/uapi/linux/securebits.h", """
            Securebits.SECURE_EXEC_RESTRICT_FILE Securebits.SECURE_EXEC_RESTRICT_FILE_LOCKED
            Securebits.SECBIT_EXEC_RESTRICT_FILE Securebits.SECBIT_EXEC_RESTRICT_FILE_LOCKED
            Securebits.SECURE_EXEC_DENY_INTERACTIVE Securebits.SECURE_EXEC_DENY_INTERACTIVE_LOCKED
            Securebits.SECBIT_EXEC_DENY_INTERACTIVE Securebits.SECBIT_EXEC_DENY_INTERACTIVE_LOCKED
            """),
        ("Linux 7.2, include/uapi/linux/stat.h", """
            StatxMask.STATX_MNT_ID_UNIQUE StatxMask.STATX_SUBVOL StatxMask.STATX_WRITE_ATOMIC
            StatxMask.STATX_DIO_READ_ALIGN StatxMask.STATX_ATTR_WRITE_ATOMIC Statx.stx_subvol
            Statx.stx_atomic_write_unit_min Statx.stx_atomic_write_unit_max Statx.stx_atomic_write_segments_max
            Statx.stx_dio_read_offset_align Statx.stx_atomic_write_unit_max_opt
            """),
        ("Linux 7.2, include/uapi/linux/time.h", """
            Clocks.CLOCK_AUX Clocks.CLOCK_AUX_LAST
            """),
        ("Linux 7.2, include/uapi/linux/xattr.h", """
            XattrArgs
            """),
        ("include/linux/statfs.h", "StatfsFlags.ST_VALID StatfsFlags.ST_NOSYMFOLLOW"),
        ("fs/readdir.c, getdents(2)", "LinuxDirent"),
        ("include/linux/types.h, ustat(2)", "Ustat"),
        ("arch/x86/include/asm/sigframe.h", "RtSigframe"),
        ("include/linux/errno.h; None is this project's", """
            Errno.None Errno.ERESTARTSYS Errno.ERESTARTNOINTR Errno.ERESTARTNOHAND Errno.ERESTART_RESTARTBLOCK
            """),
    ];

    private static readonly HashSet<string> All = Table.SelectMany(row => row.Names.Split(
        [' ', '\n'], System.StringSplitOptions.RemoveEmptyEntries)).ToHashSet();

    public static IEnumerable<string> Names => All;

    public static IEnumerable<string> Sources => Table.Select(row => row.Source);

    public static bool Contains(string name) => All.Contains(name);
}
