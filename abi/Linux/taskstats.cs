using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Commands and attributes of the TASKSTATS family of generic netlink
/// (Documentation/accounting/taskstats.rst).</summary>
[CHeader("linux/taskstats.h")]
public static class TaskStatistics
{
    public const int TASKSTATS_VERSION = 13;
    public const int TS_COMM_LEN = 32;
    public const int TASKSTATS_CMD_GET = 1;
    public const int TASKSTATS_CMD_NEW = 2;
    public const int TASKSTATS_TYPE_PID = 1;
    public const int TASKSTATS_TYPE_TGID = 2;
    public const int TASKSTATS_TYPE_STATS = 3;
    public const int TASKSTATS_TYPE_AGGR_PID = 4;
    public const int TASKSTATS_TYPE_AGGR_TGID = 5;
    public const int TASKSTATS_CMD_ATTR_PID = 1;
    public const int TASKSTATS_CMD_ATTR_TGID = 2;
    public const int TASKSTATS_CMD_ATTR_MAX = 4;
    public const int TASKSTATS_GENL_VERSION = 1;
}

/// <summary>struct taskstats, version 13.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct taskstats", "linux/taskstats.h")]
public struct Taskstats
{
    public ushort version;
    public uint ac_exitcode;
    public byte ac_flag;
    public byte ac_nice;
    private ushort _pad0;
    private uint _pad1;
    public ulong cpu_count;
    public ulong cpu_delay_total;
    public ulong blkio_count;
    public ulong blkio_delay_total;
    public ulong swapin_count;
    public ulong swapin_delay_total;
    public ulong cpu_run_real_total;
    public ulong cpu_run_virtual_total;
    public Bytes32 ac_comm;
    public byte ac_sched;
    private byte _pad2;
    private ushort _pad3;
    private uint _pad4;
    public uint ac_uid;
    public uint ac_gid;
    public uint ac_pid;
    public uint ac_ppid;
    public uint ac_btime;
    private uint _pad5;
    public ulong ac_etime;
    public ulong ac_utime;
    public ulong ac_stime;
    public ulong ac_minflt;
    public ulong ac_majflt;
    public ulong coremem;
    public ulong virtmem;
    public ulong hiwater_rss;
    public ulong hiwater_vm;
    public ulong read_char;
    public ulong write_char;
    public ulong read_syscalls;
    public ulong write_syscalls;
    public ulong read_bytes;
    public ulong write_bytes;
    public ulong cancelled_write_bytes;
    public ulong nvcsw;
    public ulong nivcsw;
    public ulong ac_utimescaled;
    public ulong ac_stimescaled;
    public ulong cpu_scaled_run_real_total;
    public ulong freepages_count;
    public ulong freepages_delay_total;
    public ulong thrashing_count;
    public ulong thrashing_delay_total;
    public ulong ac_btime64;
    public ulong compact_count;
    public ulong compact_delay_total;
    public uint ac_tgid;
    private uint _pad6;
    public ulong ac_tgetime;
    public ulong ac_exe_dev;
    public ulong ac_exe_inode;
    public ulong wpcopy_count;
    public ulong wpcopy_delay_total;
}
