using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Flags and CPU numbers of rseq(2).</summary>
[CHeader("linux/rseq.h")]
public static class RseqFlags
{
    public const int RSEQ_CPU_ID_UNINITIALIZED = -1;
    public const int RSEQ_CPU_ID_REGISTRATION_FAILED = -2;
    public const int RSEQ_FLAG_UNREGISTER = 1;
    public const int RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT_BIT = 0;
    public const int RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL_BIT = 1;
    public const int RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE_BIT = 2;
    public const int RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT = 1;
    public const int RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL = 2;
    public const int RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE = 4;
}

/// <summary>The area that rseq(2) registers, in its original size of 32 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct rseq", "linux/rseq.h", Size = "_Alignof(struct rseq)")]
public struct Rseq
{
    public uint cpu_id_start;
    public uint cpu_id;
    public ulong rseq_cs;
    public uint flags;

    /// <summary>Since Linux 6.3.</summary>
    public uint node_id;

    /// <summary>Since Linux 6.3.</summary>
    public uint mm_cid;
    private uint _pad0;
}

/// <summary>A critical section.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct rseq_cs", "linux/rseq.h")]
public struct RseqCs
{
    public uint version;
    public uint flags;
    public ulong start_ip;
    public ulong post_commit_offset;
    public ulong abort_ip;
}
