namespace Abi.Linux;

/// <summary>Commands of membarrier(2).</summary>
[CHeader("linux/membarrier.h")]
public static class Membarrier
{
    public const int MEMBARRIER_CMD_QUERY = 0;
    public const int MEMBARRIER_CMD_GLOBAL = 1;
    public const int MEMBARRIER_CMD_GLOBAL_EXPEDITED = 2;
    public const int MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 4;
    public const int MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8;
    public const int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 0x10;
    public const int MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 0x20;
    public const int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 0x40;
    public const int MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ = 0x80;
    public const int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ = 0x100;
    public const int MEMBARRIER_CMD_GET_REGISTRATIONS = 0x200;
    public const int MEMBARRIER_CMD_SHARED = 1;
    public const int MEMBARRIER_CMD_FLAG_CPU = 1;
}
