using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Operations and word bits of futex(2), futex_waitv(2).</summary>
[CHeader("linux/futex.h")]
public static class FutexOp
{
    // Operations.
    public const int FUTEX_WAIT = 0;
    public const int FUTEX_WAKE = 1;
    public const int FUTEX_FD = 2;
    public const int FUTEX_REQUEUE = 3;
    public const int FUTEX_CMP_REQUEUE = 4;
    public const int FUTEX_WAKE_OP = 5;
    public const int FUTEX_LOCK_PI = 6;
    public const int FUTEX_UNLOCK_PI = 7;
    public const int FUTEX_TRYLOCK_PI = 8;
    public const int FUTEX_WAIT_BITSET = 9;
    public const int FUTEX_WAKE_BITSET = 10;
    public const int FUTEX_WAIT_REQUEUE_PI = 11;
    public const int FUTEX_CMP_REQUEUE_PI = 12;
    public const int FUTEX_LOCK_PI2 = 13;
    public const int FUTEX_PRIVATE_FLAG = 128;
    public const int FUTEX_CLOCK_REALTIME = 256;
    public const int FUTEX_WAIT_PRIVATE = 128;
    public const int FUTEX_WAKE_PRIVATE = 129;
    public const int FUTEX_REQUEUE_PRIVATE = 131;
    public const int FUTEX_CMP_REQUEUE_PRIVATE = 132;
    public const int FUTEX_WAKE_OP_PRIVATE = 133;
    public const int FUTEX_LOCK_PI_PRIVATE = 134;
    public const int FUTEX_LOCK_PI2_PRIVATE = 141;
    public const int FUTEX_UNLOCK_PI_PRIVATE = 135;
    public const int FUTEX_TRYLOCK_PI_PRIVATE = 136;
    public const int FUTEX_WAIT_BITSET_PRIVATE = 137;
    public const int FUTEX_WAKE_BITSET_PRIVATE = 138;
    public const int FUTEX_WAIT_REQUEUE_PI_PRIVATE = 139;
    public const int FUTEX_CMP_REQUEUE_PI_PRIVATE = 140;

    // futex_waitv(2), futex_wait(2), futex_wake(2).
    public const uint FUTEX2_SIZE_U8 = 0x00;
    public const uint FUTEX2_SIZE_U16 = 0x01;
    public const uint FUTEX2_SIZE_U32 = 0x02;
    public const uint FUTEX2_SIZE_U64 = 0x03;
    public const uint FUTEX2_NUMA = 0x04;
    public const uint FUTEX2_MPOL = 0x08;
    public const uint FUTEX2_PRIVATE = 128;
    public const uint FUTEX2_SIZE_MASK = 0x03;
    public const uint FUTEX_32 = 0x02;
    public const uint FUTEX_WAITV_MAX = 128;

    // PI and robust futex words.
    public const uint FUTEX_WAITERS = 0x80000000;
    public const uint FUTEX_OWNER_DIED = 0x40000000;
    public const uint FUTEX_TID_MASK = 0x3fffffff;
    public const uint FUTEX_BITSET_MATCH_ANY = 0xffffffff;

    // FUTEX_WAKE_OP.
    public const int FUTEX_OP_SET = 0;
    public const int FUTEX_OP_ADD = 1;
    public const int FUTEX_OP_OR = 2;
    public const int FUTEX_OP_ANDN = 3;
    public const int FUTEX_OP_XOR = 4;
    public const int FUTEX_OP_OPARG_SHIFT = 8;
    public const int FUTEX_OP_CMP_EQ = 0;
    public const int FUTEX_OP_CMP_NE = 1;
    public const int FUTEX_OP_CMP_LT = 2;
    public const int FUTEX_OP_CMP_LE = 3;
    public const int FUTEX_OP_CMP_GT = 4;
    public const int FUTEX_OP_CMP_GE = 5;

    // Longest robust list walked.
    public const int ROBUST_LIST_LIMIT = 2048;

    /// <summary>Leaves the command of an operation.</summary>
    [CField("~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)")]
    public const int FUTEX_CMD_MASK = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
}

/// <summary>One element of futex_waitv(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct futex_waitv", "linux/futex.h")]
public struct FutexWaitv
{
    public ulong val;
    public ulong uaddr;
    public uint flags;
    public uint __reserved;
}

/// <summary>set_robust_list(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct robust_list_head", "linux/futex.h")]
public struct RobustListHead
{
    [CField("list.next")]
    public ulong list;
    public long futex_offset;
    public ulong list_op_pending;
}
