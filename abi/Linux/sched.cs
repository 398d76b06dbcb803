using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants of clone(2), clone3(2), sched_setscheduler(2) and sched_setattr(2).</summary>
[CHeader("linux/sched.h")]
public static class Sched
{
    // clone(2), unshare(2), setns(2); the low byte is the exit signal.
    public const ulong CSIGNAL = 0x000000ff;
    public const ulong CLONE_VM = 0x00000100;
    public const ulong CLONE_FS = 0x00000200;
    public const ulong CLONE_FILES = 0x00000400;
    public const ulong CLONE_SIGHAND = 0x00000800;
    public const ulong CLONE_PIDFD = 0x00001000;
    public const ulong CLONE_PTRACE = 0x00002000;
    public const ulong CLONE_VFORK = 0x00004000;
    public const ulong CLONE_PARENT = 0x00008000;
    public const ulong CLONE_THREAD = 0x00010000;
    public const ulong CLONE_NEWNS = 0x00020000;
    public const ulong CLONE_SYSVSEM = 0x00040000;
    public const ulong CLONE_SETTLS = 0x00080000;
    public const ulong CLONE_PARENT_SETTID = 0x00100000;
    public const ulong CLONE_CHILD_CLEARTID = 0x00200000;
    public const ulong CLONE_DETACHED = 0x00400000;
    public const ulong CLONE_UNTRACED = 0x00800000;
    public const ulong CLONE_CHILD_SETTID = 0x01000000;
    public const ulong CLONE_NEWCGROUP = 0x02000000;
    public const ulong CLONE_NEWUTS = 0x04000000;
    public const ulong CLONE_NEWIPC = 0x08000000;
    public const ulong CLONE_NEWUSER = 0x10000000;
    public const ulong CLONE_NEWPID = 0x20000000;
    public const ulong CLONE_NEWNET = 0x40000000;
    public const ulong CLONE_IO = 0x80000000;
    public const ulong CLONE_CLEAR_SIGHAND = 0x100000000;
    public const ulong CLONE_INTO_CGROUP = 0x200000000;
    public const ulong CLONE_AUTOREAP = 0x400000000;
    public const ulong CLONE_NNP = 0x800000000;
    public const ulong CLONE_PIDFD_AUTOKILL = 0x1000000000;
    public const ulong CLONE_EMPTY_MNTNS = 0x2000000000;
    public const ulong CLONE_NEWTIME = 0x00000080;

    // Sizes of struct clone_args over time.
    public const int CLONE_ARGS_SIZE_VER0 = 64;
    public const int CLONE_ARGS_SIZE_VER1 = 80;
    public const int CLONE_ARGS_SIZE_VER2 = 88;

    // Policies.
    public const int SCHED_NORMAL = 0;
    public const int SCHED_FIFO = 1;
    public const int SCHED_RR = 2;
    public const int SCHED_BATCH = 3;
    public const int SCHED_IDLE = 5;
    public const int SCHED_DEADLINE = 6;
    public const int SCHED_EXT = 7;
    public const int SCHED_RESET_ON_FORK = 0x40000000;

    // sched_setattr(2).
    public const ulong SCHED_FLAG_RESET_ON_FORK = 0x01;
    public const ulong SCHED_FLAG_RECLAIM = 0x02;
    public const ulong SCHED_FLAG_DL_OVERRUN = 0x04;
    public const ulong SCHED_FLAG_KEEP_POLICY = 0x08;
    public const ulong SCHED_FLAG_KEEP_PARAMS = 0x10;
    public const ulong SCHED_FLAG_UTIL_CLAMP_MIN = 0x20;
    public const ulong SCHED_FLAG_UTIL_CLAMP_MAX = 0x40;
    public const ulong SCHED_FLAG_KEEP_ALL = 24;
    public const ulong SCHED_FLAG_UTIL_CLAMP = 96;
    public const ulong SCHED_FLAG_ALL = 127;

    // sched_getattr(2).
    public const uint SCHED_GETATTR_FLAG_DL_DYNAMIC = 0x01;
}

/// <summary>clone3(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct clone_args", "linux/sched.h")]
public struct CloneArgs
{
    public ulong flags;
    public ulong pidfd;
    public ulong child_tid;
    public ulong parent_tid;
    public ulong exit_signal;
    public ulong stack;
    public ulong stack_size;
    public ulong tls;
    public ulong set_tid;
    public ulong set_tid_size;
    public ulong cgroup;
}

/// <summary>sched_setparam(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sched_param", "sched.h")]
public struct SchedParam
{
    public int sched_priority;
}

/// <summary>sched_setattr(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sched_attr", "linux/sched/types.h")]
public struct SchedAttr
{
    public uint size;
    public uint sched_policy;
    public ulong sched_flags;
    public int sched_nice;
    public uint sched_priority;
    public ulong sched_runtime;
    public ulong sched_deadline;
    public ulong sched_period;
    public uint sched_util_min;
    public uint sched_util_max;
}
