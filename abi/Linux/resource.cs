using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>getrlimit(2), getrusage(2), getpriority(2).</summary>
[CHeader("linux/resource.h")]
public static class Resource
{
    // Limits.
    public const int RLIMIT_CPU = 0;
    public const int RLIMIT_FSIZE = 1;
    public const int RLIMIT_DATA = 2;
    public const int RLIMIT_STACK = 3;
    public const int RLIMIT_CORE = 4;
    public const int RLIMIT_RSS = 5;
    public const int RLIMIT_NPROC = 6;
    public const int RLIMIT_NOFILE = 7;
    public const int RLIMIT_MEMLOCK = 8;
    public const int RLIMIT_AS = 9;
    public const int RLIMIT_LOCKS = 10;
    public const int RLIMIT_SIGPENDING = 11;
    public const int RLIMIT_MSGQUEUE = 12;
    public const int RLIMIT_NICE = 13;
    public const int RLIMIT_RTPRIO = 14;
    public const int RLIMIT_RTTIME = 15;
    public const int RLIM_NLIMITS = 16;

    // No limit.
    public const ulong RLIM64_INFINITY = 0xffffffffffffffff;
    public const ulong RLIM_INFINITY = 0xffffffffffffffff;

    // Default limits.
    public const int _STK_LIM = 0x800000;
    public const int MLOCK_LIMIT = 0x800000;

    // getrusage(2).
    public const int RUSAGE_SELF = 0;
    public const int RUSAGE_CHILDREN = -1;
    public const int RUSAGE_BOTH = -2;
    public const int RUSAGE_THREAD = 1;

    // getpriority(2).
    public const int PRIO_MIN = -20;
    public const int PRIO_MAX = 20;
    public const int PRIO_PROCESS = 0;
    public const int PRIO_PGRP = 1;
    public const int PRIO_USER = 2;
}

/// <summary>prlimit64(2), getrlimit(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct rlimit64", "linux/resource.h")]
public struct Rlimit
{
    public ulong rlim_cur;
    public ulong rlim_max;
}

/// <summary>getrusage(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct rusage", "linux/resource.h")]
public struct Rusage
{
    public Timeval ru_utime;
    public Timeval ru_stime;
    public long ru_maxrss;
    public long ru_ixrss;
    public long ru_idrss;
    public long ru_isrss;
    public long ru_minflt;
    public long ru_majflt;
    public long ru_nswap;
    public long ru_inblock;
    public long ru_oublock;
    public long ru_msgsnd;
    public long ru_msgrcv;
    public long ru_nsignals;
    public long ru_nvcsw;
    public long ru_nivcsw;
}
